"""Commands on the runner's host: as a gate, whose exit status decides, and as a step.

A command is words and meets no shell. It begins in an empty directory, which is its home too, and finds nothing of the
deployer's environment but a PATH and what it is told of the deployment. It cannot get more rights than the runner has.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from core import api
from core.api import (
    CommandFailed,
    Context,
    DeploymentFacts,
    DeploymentQuestion,
    Gate,
    GateOptions,
    Hold,
    Stalled,
    Step,
    StepOptions,
    StepRequest,
    run,
)
from plugins.gates.facts import environment

#: Where programs are looked for.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: Bytes of a command's output that are kept, and characters of its last line that people are told.
_KEPT, _LONGEST = 8192, 300


def _words(command: tuple[str, ...]) -> tuple[str, ...]:
    if command and (not command[0] or command[0].startswith("-")):
        raise ValueError("its first word is the program to run")
    if any("\0" in word for word in command):
        raise ValueError("no word of it may hold a NUL")
    return command


Words = Annotated[tuple[str, ...], AfterValidator(_words)]


class _Command(api.Options):
    """What is run."""

    command: Words = Field(min_length=1, description="The program and its arguments, as words: no shell reads them.")


class CommandGateOptions(_Command, GateOptions):
    """What is run, to decide."""


class CommandStepOptions(_Command, StepOptions):
    """What is run, as a step."""


class CommandGate(Gate):
    """Runs a command on the runner's host: exit status 0 lets the deployment go, any other holds it with the last line."""

    kind = "command"
    Options = CommandGateOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, CommandGateOptions)
        return f"command {Path(options.command[0]).name}"

    async def hold(self, question: DeploymentQuestion, options: api.Options) -> Hold | None:
        assert isinstance(options, CommandGateOptions)
        output = _Tail()
        with tempfile.TemporaryDirectory(prefix="deployer-gate-", ignore_cleanup_errors=True) as home:
            env = _environment(question, home)
            try:
                await run(_bounded(options.command), log=output, cwd=Path(home), env=env)
            except CommandFailed as error:
                said = output.last_line or "it printed nothing"
                return Hold(
                    reason=f"{_ended(options.command[0], error.status)}: {said}", lifted_by="the command itself"
                )
        return None


class CommandStep(Step):
    """Runs a command on the runner's host, its output into the job's log; an exit status other than 0 is its failure."""

    kind = "command"
    Options = CommandStepOptions

    def title(self, options: api.Options) -> str:
        assert isinstance(options, CommandStepOptions)
        return f"command {Path(options.command[0]).name}"

    async def run(self, request: StepRequest, options: api.Options, context: Context) -> None:
        assert isinstance(options, CommandStepOptions)
        home = tempfile.mkdtemp(prefix="step-", dir=context.scratch)
        command, echo = _bounded(options.command), " ".join(options.command)
        env = _environment(request, home)
        await run(command, log=context.log, leash=context.leash, cwd=Path(home), env=env, echo=echo)


class _Tail:
    """A log of which the end is kept."""

    def __init__(self) -> None:
        self._kept = b""

    def write(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-_KEPT:]

    def note(self, text: str) -> None:
        """Nothing but the command's own words is kept."""

    def redact(self, secret: str) -> None:
        """Nothing secret is known here."""

    @property
    def last_line(self) -> str:
        lines = [line.strip() for line in self._kept.decode(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), "")
        return last if len(last) <= _LONGEST else f"{last[: _LONGEST - 1]}…"


def _ended(program: str, status: int) -> str:
    name = Path(program).name
    return f"{name} was ended by signal {-status}" if status < 0 else f"{name} exited with status {status}"


def _environment(facts: DeploymentFacts, home: str) -> Mapping[str, str]:
    return {"PATH": _PATH, "HOME": home, "LANG": "C.UTF-8", **environment(facts)}


def _bounded(command: Sequence[str]) -> Sequence[str]:
    """The command, kept from getting rights that the runner has not (prctl(2), PR_SET_NO_NEW_PRIVS).

    :raises Stalled: it is not there.
    """
    if not shutil.which(command[0], path=_PATH):
        raise Stalled(f"{command[0]} is not installed on this host")
    setpriv = shutil.which("setpriv", path=_PATH)
    return (setpriv, "--no-new-privs", "--", *command) if setpriv else tuple(command)
