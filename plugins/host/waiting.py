"""Work that a cancelled await may not simply drop: threads, and putting something back in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from threading import Event
from typing import Any, TypeVar

Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818  no error: the answer of a thread to being asked to stop
    """A thread ended early because its work is no longer wanted."""


async def in_thread(work: Callable[[Event], Result]) -> Result:
    """Run blocking work beside the event loop. When cancelled, ask it to stop and wait until it has.

    :param work: looks at the event now and then, and raises `Stopped` once it is set.
    """
    stop = Event()
    return await to_the_end(asyncio.to_thread(work, stop), on_cancel=stop.set)


async def to_the_end(work: Coroutine[Any, Any, Result], *, on_cancel: Callable[[], object] | None = None) -> Result:
    """Await work that must not be left half done: a cancellation is raised once it has ended."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
            if on_cancel:
                on_cancel()
    if cancelled:
        task.cancelled() or task.exception()
        raise cancelled
    return task.result()
