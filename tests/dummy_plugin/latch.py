"""Holding work back until a test lets it go on."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Lock


class Latch:
    """Open at first. While it is shut, whoever comes waits, in whatever thread or event loop that may be."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._shut = False
        self._waiting: list[Future[None]] = []

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(not each.done() for each in self._waiting)

    def shut(self) -> None:
        self._shut = True

    def open(self) -> None:
        with self._lock:
            self._shut = False
            waiting, self._waiting = self._waiting, []
        for each in waiting:
            if each.set_running_or_notify_cancel():
                each.set_result(None)

    async def passed(self) -> None:
        """Go through, at once or when it is opened."""
        with self._lock:
            if not self._shut:
                return
            future: Future[None] = Future()
            self._waiting.append(future)
        await asyncio.wrap_future(future)
