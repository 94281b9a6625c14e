"""Calling a plugin's hooks so that one that hangs holds up nothing but itself."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

from core.errors import PluginError

#: Seconds that a hook has. It is told something, or asked for a few words; whoever waits for the answer waits as long.
ANSWER = 5.0

_T = TypeVar("_T")


class HungError(PluginError):
    """A plugin does not answer."""


class _Call(threading.Thread, Generic[_T]):
    """One call, in a thread that does not keep the process from ending."""

    def __init__(self, function: Callable[[], _T]) -> None:
        super().__init__(name="hook", daemon=True)
        self._function = function
        self._context = contextvars.copy_context()
        self.answer: _T
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.answer = self._context.run(self._function)
        except BaseException as error:  # noqa: BLE001  raised again where the answer is awaited
            self.error = error
        finally:
            connections.close_all()


class HookCaller:
    """Calls the hooks of one plugin. While one of its calls hangs, it is not called again.

    :param seconds: after which a call hangs.
    """

    def __init__(self, seconds: float = ANSWER) -> None:
        self._seconds = seconds
        self._stuck: threading.Thread | None = None

    def call(self, function: Callable[[], _T]) -> _T:
        """Call it and answer what it answers, or raise what it raises.

        :raises HungError: it does not answer, or an earlier call still does not.
        """
        if self._stuck and self._stuck.is_alive():
            raise HungError("an earlier call has not come back yet")
        call = _Call(function)
        call.start()
        call.join(self._seconds)
        if call.is_alive():
            self._stuck = call
            raise HungError(f"it did not come back within {self._seconds:g} s")
        if call.error is not None:
            raise call.error
        return call.answer
