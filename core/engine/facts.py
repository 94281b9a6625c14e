"""Asking plugins now and then what people should know of them and of the machines that they build on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, cast

from core import clock, hiding
from core.errors import DeployerError
from core.interfaces import Builder, Source
from core.plugins import plugins
from core.services import facts
from core.values import Fact

logger = logging.getLogger(__name__)

#: Seconds between questions.
INTERVAL = 10.0
#: Seconds between questions for the machines that builders build on, and that a builder has to answer one.
POOLS_INTERVAL, _ANSWER = 30.0, 60.0

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


async def keep_told(in_database: InDatabase) -> None:
    """Write down what plugins tell of themselves whenever that changed, for as long as the process lives."""
    told: dict[str, Sequence[Fact]] = {}
    while True:
        for plugin, now in _ask().items():
            if now == told.get(plugin, ()):
                continue
            try:
                await in_database(partial(facts.record, plugin, now, clock.now()))
                told[plugin] = now
            except Exception:
                logger.exception("what plugin %s tells of itself could not be written down", plugin)
        await asyncio.sleep(INTERVAL)


async def keep_pools_told(in_database: InDatabase) -> None:
    """Write down what builders tell of their machines, for as long as the process lives."""
    await asyncio.gather(*(_keep_pools(kind, in_database) for kind in plugins.kinds("builders")))


async def _keep_pools(kind: str, in_database: InDatabase) -> None:
    while True:
        await _ask_pools(kind, in_database)
        await asyncio.sleep(POOLS_INTERVAL)


async def _ask_pools(kind: str, in_database: InDatabase) -> None:
    try:
        async with asyncio.timeout(_ANSWER):
            pools = await plugins.builder(kind).pools()
        if pools is not None:
            await in_database(partial(facts.record_pools, kind, pools, clock.now()))
    except (DeployerError, TimeoutError) as error:
        reason = hiding.hidden(str(error)) or "it does not answer"
        try:
            await in_database(partial(facts.record_pools_unknown, kind, reason))
        except Exception:
            logger.exception("why the pools of builder %s are unknown could not be written down", kind)
    except Exception:
        logger.exception("the pools of builder %s could not be read or written down", kind)


def _ask() -> dict[str, Sequence[Fact]]:
    answers: dict[str, list[Fact]] = {}
    for role in ("sources", "builders"):
        for kind, each in plugins.kinds(role).items():
            told = answers.setdefault(plugins.owner(role, kind), [])
            try:
                told.extend(cast("Source | Builder", each).facts())
            except Exception:
                logger.exception("%s %s cannot tell of itself", role, kind)
    return {plugin: tuple(told) for plugin, told in answers.items()}
