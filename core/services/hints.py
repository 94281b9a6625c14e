"""Hints that something changed: sent after commit, to runners and pages, and never needed.

Without one, the next look of a runner or a page finds the same. Hints of one transaction are sent as one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

from asgiref.sync import async_to_sync
from channels.layers import BaseChannelLayer, get_channel_layer
from django.db import transaction

from core import metrics
from core.layers import LocalChannelLayer

logger = logging.getLogger(__name__)

#: The group that runners listen to.
RUNNERS = "runners"
#: The group that pages listen to.
PAGES = "pages"


def changed() -> None:
    """Hint, once this transaction is committed, that rows changed."""
    connection = transaction.get_connection()
    if not any(function is _send for _, function, _ in connection.run_on_commit):
        transaction.on_commit(_send)


def log_group(job: int) -> str:
    """The group of those who follow a job's log."""
    return f"log.{job}"


def layer() -> BaseChannelLayer:
    """The channel layer of this process; the settings always name one."""
    layer = get_channel_layer()
    assert layer is not None
    return layer


_HINTS = ((RUNNERS, {"type": "wake"}), (PAGES, {"type": "changed"}))


#: Seconds that sending hints may take, and for which none is sent after one was lost: whoever sends is at work.
_PATIENCE, _PAUSE = 1.0, 5.0
_paused_until = 0.0


async def _send_all() -> None:
    async with asyncio.timeout(_PATIENCE):
        for group, message in _HINTS:
            await layer().group_send(group, message)


def _send() -> None:
    global _paused_until  # noqa: PLW0603  of one process
    if time.monotonic() < _paused_until:
        metrics.HINTS_LOST.count()
        return
    here = layer()
    try:
        if isinstance(here, LocalChannelLayer):
            # To and fro between a thread and a loop takes longer than all that is written here.
            for group, message in _HINTS:
                here.hint(group, message)
        else:
            async_to_sync(_send_all)()
    except Exception as error:  # noqa: BLE001  a hint that is lost costs a second; nothing may fail for it
        metrics.HINTS_LOST.count()
        if not isinstance(here, LocalChannelLayer):
            _paused_until = time.monotonic() + _PAUSE
        logger.debug("a hint was lost: %s", str(error) or type(error).__name__)


@contextlib.asynccontextmanager
async def listening(*groups: str) -> AsyncIterator[asyncio.Event]:
    """An event that every hint to one of these groups sets; who waits for it clears it."""
    here, hinted = layer(), asyncio.Event()
    channel = await here.new_channel()
    for group in groups:
        await here.group_add(group, channel)
    pump = asyncio.create_task(_set_on_each(here, channel, hinted))
    try:
        yield hinted
    finally:
        pump.cancel()
        for group in groups:
            await here.group_discard(group, channel)


async def _set_on_each(here: BaseChannelLayer, channel: str, hinted: asyncio.Event) -> None:
    while True:
        await here.receive(channel)
        hinted.set()
