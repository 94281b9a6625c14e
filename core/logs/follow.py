"""Following a log by byte offset: in order, without a gap, from any place on, however late one joins."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

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

    :param finished: whether nothing will be appended any more. It is asked before the last read, so that what was
        appended between the two is not lost.
    :param wake: set by a hint that the log grew; without one it is looked at once in each interval.
    """
    wake = wake or asyncio.Event()
    while True:
        wake.clear()
        over = await finished()
        while data := await asyncio.to_thread(store.read, name, offset, chunk):
            yield Chunk(offset, data)
            offset += len(data)
        if over:
            return
        try:
            await asyncio.wait_for(wake.wait(), interval)
        except TimeoutError:
            continue
