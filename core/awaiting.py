"""Awaiting what a cancelled await may not simply drop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


async def to_the_end(work: Coroutine[Any, Any, Result], *, on_cancel: Callable[[], object] | None = None) -> Result:
    """Await work that must not be left half done: a cancellation is raised once it has ended.

    :param on_cancel: called when it is cancelled, to have the work end sooner.
    """
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
