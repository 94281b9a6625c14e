"""Asking plugins now and then what people should know of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from django.utils import timezone

from core.interfaces import Source
from core.plugins import plugins
from core.services import facts
from core.values import Fact

logger = logging.getLogger(__name__)

#: Seconds between questions.
INTERVAL = 10.0


async def keep_told(in_database: Callable[[Callable[[], Any]], Awaitable[Any]]) -> None:
    """Write down what plugins tell of themselves whenever that changed, for as long as the process lives."""
    told: dict[str, Sequence[Fact]] = {}
    while True:
        for plugin, now in _ask().items():
            if now == told.get(plugin, ()):
                continue
            try:
                await in_database(partial(facts.record, plugin, now, timezone.now()))
                told[plugin] = now
            except Exception:
                logger.exception("what plugin %s tells of itself could not be written down", plugin)
        await asyncio.sleep(INTERVAL)


def _ask() -> dict[str, Sequence[Fact]]:
    answers: dict[str, Sequence[Fact]] = {}
    for kind, source in plugins.kinds("sources").items():
        assert isinstance(source, Source)
        try:
            answers[plugins.owner("sources", kind)] = tuple(source.facts())
        except Exception:
            logger.exception("source %s cannot tell of itself", kind)
    return answers
