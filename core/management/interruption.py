"""Ctrl-C and SIGTERM while a command still starts: it ends in order and without a traceback, whenever they come."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

#: The signals that ask a command to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Exit status of a command that was to end by itself and was interrupted before, as a shell counts SIGINT.
INTERRUPTED = 130


def leave(status: int) -> NoReturn:
    """End the process with this status after an interruption.

    Where Ctrl-C met code that `exec` ran, as that of every dataclass, CPython kills itself by SIGINT at its end, whoever has
    caught the exception (`run_eval_code_obj` in Python/pythonrun.c, `pymain_main` in Modules/main.c).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Interruption:
    """Remembers that somebody asked the command to end, until it can."""

    def __init__(self) -> None:
        self.asked = False
        self._within = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Within, a signal ends the block; whoever is about to wait there for long looks at `asked` first.

        Python drops an exception that is raised while an object or a module lock is being tidied up, and a signal can
        come just then: what it asked for must not be lost with the exception. Before the block has begun a signal is only
        remembered: `begin`, the first that the block calls, ends it then.
        """
        former = {number: signal.signal(number, self._ask) for number in SIGNALS}
        hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        try:
            yield
        except KeyboardInterrupt:
            if not self.asked:
                raise
        finally:
            self._within = False
            sys.unraisablehook = hook
            for number, handler in former.items():
                signal.signal(number, handler)

    def begin(self) -> None:
        """Say that the block has begun.

        :raises KeyboardInterrupt: a signal came before it had.
        """
        self._within = True
        if self.asked:
            raise KeyboardInterrupt

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if self._within:
            raise KeyboardInterrupt

    def _unraisable(self, dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(dropped)
