"""Ctrl-C and SIGTERM while a command still starts: it ends in order and without a traceback, whenever they come."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: The signals that ask a command to end.
SIGNALS = (signal.SIGINT, signal.SIGTERM)
#: Exit status of a command that was to end by itself and was interrupted before, as a shell counts SIGINT.
INTERRUPTED = 130


class Interruption:
    """Remembers that somebody asked the command to end, until it can."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Within, a signal ends the block; whoever is about to wait there for long looks at `asked` first.

        Python drops an exception that is raised while an object or a module lock is being tidied up, and a signal can
        come just then: what it asked for must not be lost with the exception.
        """
        former = {number: signal.signal(number, self._ask) for number in SIGNALS}
        hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        try:
            yield
        except KeyboardInterrupt:
            if not self.asked:
                raise
        finally:
            sys.unraisablehook = hook
            for number, handler in former.items():
                signal.signal(number, handler)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        raise KeyboardInterrupt

    def _unraisable(self, dropped: sys.UnraisableHookArgs) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            sys.__unraisablehook__(dropped)
