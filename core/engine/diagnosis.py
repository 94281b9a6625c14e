"""Naming the probable cause of a job that failed, from its log and the log rules."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from asgiref.sync import sync_to_async

from core.logs.diagnosis import WINDOW, Diagnosis, diagnose
from core.logs.rules import Rule, understood
from core.logs.store import LogStore
from core.services import log_rules

logger = logging.getLogger(__name__)


async def of_log(store: LogStore, name: str) -> Diagnosis | None:
    """What a log says of a failure; None where that cannot be found out, which is never worth another failure."""
    try:
        rules = await sync_to_async(enabled)()
        return await asyncio.to_thread(read, store, name, rules)
    except Exception:
        logger.exception("the cause in log %s could not be looked for", name)
        return None


def enabled() -> list[Rule]:
    """The rules that are to be tried; one that cannot be any more is told of and left out."""
    good, bad = understood(log_rules.enabled())
    for fault in bad:
        logger.error("log rule %s", fault)
    return good


def read(store: LogStore, name: str, rules: Iterable[Rule], *, window: int = WINDOW) -> Diagnosis:
    """Try rules on the end of a log.

    :param window: bytes at its end.
    """
    start = max(0, store.size(name) - window)
    return diagnose(rules, store.read(name, start, window), cut=start > 0)
