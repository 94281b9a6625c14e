"""Live pages and live logs.

A log travels as bytes from the offset that the page asked for: in order, without a gap, whatever hints were lost. The
channel layer carries hints alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from core.errors import OperationError
from core.logs import places
from core.logs.follow import follow
from core.logs.store import LogStore
from core.models import Job
from core.services import hints
from core.web.following import following

#: Seconds in which hints are gathered into one.
_GATHER = 0.3
#: WebSocket's own code for it (the registry of RFC 6455, 11.7).
_TRY_AGAIN_LATER = 1013


class EventsConsumer(AsyncWebsocketConsumer):
    """Tells a page that something changed. What, it finds out by fetching itself again."""

    groups = [hints.PAGES]
    _pending: asyncio.Task[None] | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Ignore a kind of hint that only another version knows: channels would close the socket for it."""
        if message["type"].startswith("websocket.") or hasattr(self, message["type"].replace(".", "_")):
            await super().dispatch(message)

    async def changed(self, _: dict[str, Any]) -> None:
        if self._pending is None or self._pending.done():
            self._pending = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        await asyncio.sleep(_GATHER)
        with contextlib.suppress(Exception):
            await self.send(text_data='{"type": "changed"}')

    async def disconnect(self, code: int) -> None:
        if self._pending:
            self._pending.cancel()


class LogConsumer(AsyncWebsocketConsumer):
    """Sends a job's log from `?offset=N` on: a text frame `start` with the time
    here in milliseconds since 1970, binary frames, and a text frame `end` when it is over."""

    async def connect(self) -> None:
        self._job: int = self.scope["url_route"]["kwargs"]["pk"]
        self._follower: asyncio.Task[None] | None = None
        name = await self._log_name()
        offset = _offset(self.scope["query_string"])
        if name is None or offset is None:
            await self.close()
            return
        await self.accept()
        self._follower = asyncio.create_task(self._follow(name, offset))

    async def disconnect(self, code: int) -> None:
        if self._follower:
            self._follower.cancel()

    async def _follow(self, name: str, offset: int) -> None:
        store = places.store()
        start = {
            "type": "start",
            "offset": offset,
            "size": await asyncio.to_thread(_size, store, name),
            "now": time.time_ns() // 1_000_000,
        }
        await self.send(text_data=json.dumps(start))
        wake = asyncio.Event()
        async with following(self._job, wake) as followed:
            try:
                async for chunk in follow(store, name, offset, finished=followed.is_over, wake=wake):
                    await self.send(bytes_data=chunk.data)
                    offset = chunk.offset + len(chunk.data)
            except OperationError:
                # Where it lies nobody answers now: whoever looks again is told so by the page.
                await self.close(_TRY_AGAIN_LATER)
                return
        await self.send(text_data=json.dumps({"type": "end", "size": offset}))
        await self.close()

    @database_sync_to_async
    def _log_name(self) -> str | None:
        return Job.objects.filter(pk=self._job).values_list("log", flat=True).first()


def _size(store: LogStore, name: str) -> int:
    try:
        return store.size(name)
    except OperationError:
        return 0


def _offset(query: bytes) -> int | None:
    """The offset that was asked for; None for what is none."""
    word = parse_qs(query.decode(errors="replace")).get("offset", ["0"])[0]
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else None
