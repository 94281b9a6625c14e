"""Packing the logs of jobs that are over, and moving them to where they are kept."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from core import clock, metrics
from core.engine.looks import InDatabase
from core.errors import OperationError
from core.logs.store import LogStore
from core.models import Job

logger = logging.getLogger(__name__)

#: Seconds between two looks for logs that can be packed.
INTERVAL = 60.0
#: How long after a job's end its log stays as it is: it is read most then, and somebody who lost it may still write.
SETTLED = timedelta(minutes=15)


async def keep_packed(store: LogStore, in_database: InDatabase) -> None:
    """Pack for ever."""
    told = ""
    while True:
        fault = ""
        try:
            await pack_all(store, in_database)
        except OperationError as error:
            fault = str(error)
            if fault != told:
                logger.warning("logs stay on the disk, and are moved later: %s", fault)
        except Exception:
            logger.exception("logs could not be packed; it is tried again")
        told = fault
        await asyncio.sleep(INTERVAL)


async def pack_all(store: LogStore, in_database: InDatabase) -> int:
    """Pack and move what is there; answer how many logs that were. Of several processes one does it.

    :raises OperationError: where they are kept takes none now.
    """
    with alone(store) as free:
        if not free:
            return 0
        await asyncio.to_thread(store.sweep)
        loose = dict(await asyncio.to_thread(lambda: list(store.loose())))
        now = clock.now()
        over = await in_database(lambda: _over([name for name, packed in loose.items() if not packed], now))
        count = 0
        for name, packed in loose.items():
            if packed or name in over:
                count += await asyncio.to_thread(_keep, store, name, packed=packed)
        return count


def _keep(store: LogStore, name: str, *, packed: bool) -> bool:
    done = packed or store.pack(name)
    if done:
        store.move(name)
        metrics.PACKED.count()
    return done


def _over(names: list[str], now: datetime) -> set[str]:
    """Those that are logs of jobs which ended a while ago."""
    found: set[str] = set()
    for start in range(0, len(names), 500):
        rows = Job.objects.filter(log__in=names[start : start + 500], finished_at__lt=now - SETTLED)
        found.update(rows.values_list("log", flat=True))
    return found


@contextlib.contextmanager
def alone(store: LogStore, *, patient: bool = False) -> Iterator[bool]:
    """Whether no other process packs logs, which none then does while this lasts.

    :param patient: wait until that is so.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    with (store.root / ".packing").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
