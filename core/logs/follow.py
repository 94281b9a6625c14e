"""Following a log by byte offset: in order, without a gap, from any place on, however late one joins."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from core.errors import OperationError
from core.logs.store import LogStore

#: Bytes handed out at once.
CHUNK = 1 << 18
#: Seconds between looks that no hint asked for.
INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some bytes of a log and their place."""

    offset: int
    data: bytes


async def follow(
    store: LogStore,
    name: str,
    offset: int,
    *,
    finished: Callable[[], Awaitable[bool]],
    wake: asyncio.Event | None = None,
    interval: float = INTERVAL,
    chunk: int = CHUNK,
) -> AsyncIterator[Chunk]:
    """Hand out all of a log from an offset on, until it is finished and everything was handed out.

    Nothing is read before it is asked for: a slow reader costs nobody but itself.

    :param finished: whether nothing will be appended any more. Asked each time that the end is reached, and everything
        that there is after a yes is still handed out.
    :param wake: set by a hint that the log grew, cleared here: an event for each follower. Without hints the log is
        looked at once in each interval (seconds).
    :raises OperationError: the job is over, and its log is where nobody answers.
    """
    wake = wake or asyncio.Event()
    over = False
    while True:
        wake.clear()
        try:
            while data := await _read(store, name, offset, chunk):
                yield Chunk(offset, data)
                offset += len(data)
        except OperationError:
            # The shelf of the logs of jobs that are over does not answer, and has nothing to say of one that goes on.
            if over or await finished():
                raise
        if over:
            return
        over = await finished()
        if not over:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await wake.wait()


async def _read(store: LogStore, name: str, offset: int, limit: int) -> bytes:
    """Read on the loop what the kernel has in memory, which takes microseconds, and in a thread what it has not."""
    data = store.read_cached(name, offset, limit)
    if data is None:
        return await asyncio.to_thread(store.read, name, offset, limit)
    # Others get their turn between two chunks of a long log.
    await asyncio.sleep(0)
    return data
