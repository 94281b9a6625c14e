"""Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html.

An event has an `id`; who lost the connection sends the last one as `Last-Event-ID`, as browsers do by themselves, and
goes on from there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from django.http import HttpRequest, StreamingHttpResponse

from core import configuration
from core.models import visible

#: Seconds after which something is sent, so that whoever stands between does not take the connection for dead.
HEARTBEAT = 15.0
#: Seconds after which, where not everybody may look, a stream has to be asked for anew.
_PRIVATE = 60.0


def event(name: str, data: str, id: str = "") -> bytes:
    """One event. Each line of the data travels as one."""
    # A carriage return alone would end a line there.
    lines = data.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    head = f"id: {id}\nevent: {name}\n" if id else f"event: {name}\n"
    return (head + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


def last_event_id(request: HttpRequest) -> str:
    """Where whoever asks left off; empty at the first time."""
    return request.headers.get("Last-Event-ID", "")


def response(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """Send events until there are no more of them, or until who asks has to show again that looking is allowed."""
    answer = StreamingHttpResponse(_alive(events, visible.now()), content_type="text/event-stream")
    answer["Cache-Control"] = "no-cache"
    # nginx gathers what it passes on otherwise.
    answer["X-Accel-Buffering"] = "no"
    return answer


async def _alive(events: AsyncIterator[bytes], flavours: frozenset[int] | None) -> AsyncIterator[bytes]:
    """The events, and comments where there are none for long. What they are made from is what who asked may look at."""
    until = time.monotonic() + _PRIVATE if configuration.current().private else None
    upcoming = _next(events, flavours)
    yield b"retry: 1000\n\n"
    try:
        while until is None or time.monotonic() < until:
            done, _ = await asyncio.wait((upcoming,), timeout=HEARTBEAT)
            if not done:
                yield b": nothing new\n\n"
                continue
            try:
                yield upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = _next(events, flavours)
    finally:
        upcoming.cancel()
        with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
            await upcoming


def _next(events: AsyncIterator[bytes], flavours: frozenset[int] | None) -> asyncio.Future[bytes]:
    """A task has the context that it was made in; the request's is over when its answer is sent."""
    with visible.only(flavours):
        return asyncio.ensure_future(anext(events))
