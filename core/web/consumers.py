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

from core import configuration
from core.logs.follow import follow
from core.logs.store import LogStore
from core.models import Job
from core.services import hints

#: Seconds in which hints are gathered into one.
_GATHER = 0.3


class EventsConsumer(AsyncWebsocketConsumer):
    """Tells a page that something changed. What, it finds out by fetching itself again."""

    groups = [hints.PAGES]
    _pending: asyncio.Task[None] | None = None

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
        self._wake = asyncio.Event()
        self._job: int = self.scope["url_route"]["kwargs"]["pk"]
        self._follower: asyncio.Task[None] | None = None
        name = await self._log_name()
        offset = _offset(self.scope["query_string"])
        if name is None or offset is None:
            await self.close()
            return
        await self.accept()
        for group in (hints.log_group(self._job), hints.PAGES):
            await self.channel_layer.group_add(group, self.channel_name)
        self._follower = asyncio.create_task(self._follow(name, offset))

    async def disconnect(self, code: int) -> None:
        for group in (hints.log_group(self._job), hints.PAGES):
            await self.channel_layer.group_discard(group, self.channel_name)
        if self._follower:
            self._follower.cancel()

    async def grown(self, _: dict[str, Any]) -> None:
        self._wake.set()

    async def changed(self, _: dict[str, Any]) -> None:
        self._wake.set()

    async def _follow(self, name: str, offset: int) -> None:
        store = LogStore(configuration.current().logs_dir)
        start = {"type": "start", "offset": offset, "size": store.size(name), "now": time.time_ns() // 1_000_000}
        await self.send(text_data=json.dumps(start))
        async for chunk in follow(store, name, offset, finished=self._is_over, wake=self._wake):
            await self.send(bytes_data=chunk.data)
            offset = chunk.offset + len(chunk.data)
        await self.send(text_data=json.dumps({"type": "end", "size": offset}))
        await self.close()

    @database_sync_to_async
    def _log_name(self) -> str | None:
        return Job.objects.filter(pk=self._job).values_list("log", flat=True).first()

    @database_sync_to_async
    def _is_over(self) -> bool:
        return not Job.objects.active().filter(pk=self._job).exists()


def _offset(query: bytes) -> int | None:
    """The offset that was asked for; None for what is none."""
    word = parse_qs(query.decode(errors="replace")).get("offset", ["0"])[0]
    return int(word) if word.isascii() and word.isdigit() and len(word) < 16 else None
