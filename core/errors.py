"""Every error that this project raises on purpose.

    DeployerError
    ├── ConfigurationError        a setting or an argument is wrong: the person who set it can mend it
    │   └── DeclarationError      a flavour, or a row of the admin, is wrong; carries every fault with its place
    ├── PluginError               a plugin could not be loaded, or does not keep its contract
    ├── TransitionError           a state machine was asked for a move that it does not allow
    ├── RefusedError              a person asked for something that is not possible now
    └── OperationError            something outside did not do what was asked: tried again, later each time
        ├── Waiting               it will pass: look again after `retry_in` seconds, as often as it takes
        └── Stalled               it will not pass before something changes: never tried again by itself
            ├── CommandFailed     a command ended with a status other than 0, or was killed
            └── DeploymentFailed  a service was not moved; says what it runs now

An exception that is none of these is a fault of the code that raised it. It fails its job, with its traceback in that
job's log, and nothing else.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence

#: What the operating system says where this host has too little of something: no fault of the job that met it.
SHORT_OF = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM))


class DeployerError(Exception):
    """Anything that the deployer raises on purpose. Its text is a sentence that a user can act on."""


class ConfigurationError(DeployerError):
    """A setting or an argument is wrong."""


class DeclarationError(ConfigurationError):
    """One or more declarations are wrong.

    :param faults: one sentence each, beginning with the place (`flavours/demo.py: hello: recipe 'web': …`).
    """

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class PluginError(DeployerError):
    """A plugin could not be loaded, or does not keep its contract."""


class TransitionError(DeployerError):
    """A state machine was asked for a move that it does not allow."""


class RefusedError(DeployerError):
    """A person asked for something that is not possible now."""


class OperationError(DeployerError):
    """Something outside did not do what was asked; it is tried again with back-off."""


class Waiting(OperationError):  # noqa: N818  what it says to the core is not that something is wrong
    """What was asked cannot be done yet and will pass by itself.

    :param retry_in: seconds after which to look again.
    """

    def __init__(self, reason: str, *, retry_in: float) -> None:
        super().__init__(reason)
        self.retry_in = retry_in


class Stalled(OperationError):  # noqa: N818  as its sibling
    """What was asked will not work before something changes: a new commit, a new option, a person's word."""


class CommandFailed(Stalled):
    """A command ended with a status other than 0.

    :param status: its exit status; negative for the signal that ended it, as in `subprocess`.
    """

    def __init__(self, command: str, status: int, detail: str = "") -> None:
        how = f"was ended by signal {-status}" if status < 0 else f"exited with status {status}"
        super().__init__(f"{command} {how}" + (f": {detail}" if detail else ""))
        self.status = status


class DeploymentFailed(Stalled):
    """A service was not moved.

    :param running: the digest that the service runs now; None where it runs nothing or nobody can tell.
    :param unhealthy: it was moved and not well then, for which the release is to blame: it is not tried again by itself.
    """

    def __init__(self, reason: str, *, running: str | None = None, unhealthy: bool = False) -> None:
        super().__init__(reason)
        self.running = running
        self.unhealthy = unhealthy
