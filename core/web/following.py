"""What the followers of one log have in common in this process: one listener, one question to the database at a time.

With hundreds of followers, each with a listener and questions of its own, a line would take a second to reach the last.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from channels.db import database_sync_to_async

from core.models import Job
from core.services import hints


class Followed:
    """A job's log that somebody follows."""

    def __init__(self, job: int) -> None:
        self._job = job
        self._wakes: set[asyncio.Event] = set()
        self._listener: asyncio.Task[None] | None = None
        self._listens = asyncio.Event()
        self._asking = asyncio.Lock()
        self._next: asyncio.Task[bool] | None = None

    async def join(self, wake: asyncio.Event) -> None:
        """Set this event on each hint from now on."""
        self._wakes.add(wake)
        if self._listener is None or self._listener.done():
            self._listens.clear()
            self._listener = asyncio.create_task(self._listen())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._listens.wait()

    def leave(self, wake: asyncio.Event) -> bool:
        """Set it no more. Answers whether nobody follows now."""
        self._wakes.discard(wake)
        if not self._wakes and self._listener:
            self._listener.cancel()
        return not self._wakes

    async def is_over(self) -> bool:
        """Whether the job has ended by now. Who asks while another question is on its way shares the next."""
        if self._next is None:
            self._next = asyncio.create_task(self._ask())
        # One follower who leaves must not take the answer from the others.
        return await asyncio.shield(self._next)

    async def _ask(self) -> bool:
        async with self._asking:
            # Who asks from now on may know of something that this question comes too early for.
            self._next = None
            return await database_sync_to_async(self._has_ended)()

    def _has_ended(self) -> bool:
        return not Job.objects.active().filter(pk=self._job).exists()

    async def _listen(self) -> None:
        async with hints.listening(hints.log_group(self._job), hints.PAGES) as hinted:
            self._listens.set()
            while True:
                await hinted.wait()
                hinted.clear()
                for wake in self._wakes:
                    wake.set()


_followed: dict[tuple[asyncio.AbstractEventLoop, int], Followed] = {}


@contextlib.asynccontextmanager
async def following(job: int, wake: asyncio.Event) -> AsyncIterator[Followed]:
    """Follow a job's log: hints that it grew, or that anything changed, set the event."""
    key = (asyncio.get_running_loop(), job)
    followed = _followed.setdefault(key, Followed(job))
    try:
        await followed.join(wake)
        yield followed
    finally:
        if followed.leave(wake):
            _followed.pop(key, None)
