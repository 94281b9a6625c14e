"""Threads that a cancelled await may not simply drop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from core.api import to_the_end

Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818  no error: the answer of a thread to being asked to stop
    """A thread ended early because its work is no longer wanted."""


async def in_thread(work: Callable[[Event], Result]) -> Result:
    """Run blocking work beside the event loop. When cancelled, ask it to stop and wait until it has.

    :param work: looks at the event now and then, and raises `Stopped` once it is set.
    """
    stop = Event()
    return await to_the_end(asyncio.to_thread(work, stop), on_cancel=stop.set)
