"""What running jobs say they wait for, and the time that this gives them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from core.services import jobs

logger = logging.getLogger(__name__)

#: Seconds in which the reasons of many jobs are gathered before they are written.
_GATHER = 0.5
#: The longest reason that is kept.
_LONGEST = 1000


class Reasons:
    """Gathers what jobs say they wait for, and writes it on their rows."""

    def __init__(self, runner: str) -> None:
        self._runner = runner
        self._said: dict[int, str] = {}

    def say(self, job: int, reason: str) -> None:
        """Note what a job waits for; empty where it does not wait any more."""
        self._said[job] = reason[:_LONGEST]

    def forget(self, job: int) -> None:
        """Leave out what was not written yet: the job's attempt has ended."""
        self._said.pop(job, None)

    async def keep_written(self, in_database: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
        """Write whatever was said, for as long as the process lives."""
        while True:
            await asyncio.sleep(_GATHER)
            said, self._said = self._said, {}
            if not said:
                continue
            try:
                await in_database(partial(jobs.explain, self._runner, said))
            except Exception:
                logger.exception("what jobs wait for could not be written down; it is tried again")
                self._said = said | self._said


class Deadline:
    """An operation's time, which stands still while it waits for what is not its own work.

    :param seconds: what it has.
    :param say: is told what it waits for.
    """

    def __init__(self, seconds: float, say: Callable[[str], None]) -> None:
        self._left: float | None = None
        self._seconds, self._say = seconds, say
        self._timeout: asyncio.Timeout | None = None

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[asyncio.Timeout]:
        """End what is awaited inside once its time is over."""
        async with asyncio.timeout(self._seconds) as self._timeout:
            yield self._timeout

    def waits(self, reason: str) -> None:
        """Say what it waits for; the empty text once it goes on."""
        self._say(reason)
        if self._timeout is None or self._timeout.expired():
            return
        now = asyncio.get_running_loop().time()
        if reason and self._left is None:
            self._left = (self._timeout.when() or now) - now
            self._timeout.reschedule(None)
        elif not reason and self._left is not None:
            self._timeout.reschedule(now + self._left)
            self._left = None
