"""Blocking work beside the event loop that a cancelled await may not simply drop."""

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
    """Run blocking work. When cancelled, ask it to stop, wait until it has ended, and only then be cancelled.

    :param work: looks at the event now and then, and raises `Stopped` (see `check`) once it is set, unless what it is
        at must not be left half done.
    """
    stop = Event()
    return await to_the_end(asyncio.to_thread(work, stop), on_cancel=stop.set)


def check(stop: Event) -> None:
    """End the thread here if its work is no longer wanted.

    :raises Stopped: it is not.
    """
    if stop.is_set():
        raise Stopped
