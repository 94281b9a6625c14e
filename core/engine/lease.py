"""Keeping a runner's lease, and ending what it has in hand before another runner may begin it.

The lease is what the others see. A runner that cannot renew it, because it was frozen or cut off, cannot be told so: it
has to notice by its own clock, and a little earlier than they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta
from typing import Any

from core import clock
from core.engine import recovery
from core.errors import ConfigurationError
from core.services import jobs, processes, runners
from core.vitals import LoopDelay, memory

logger = logging.getLogger(__name__)

#: The part of a lease that is left for ending what is in hand.
_MARGIN = 0.25

InDatabase = Callable[[Callable[[], Any]], Awaitable[Any]]


class Lease:
    """The lease of one runner.

    :param in_database: beside what else is asked of the database, which may take as long as a lease.
    :param in_hand: the jobs that it runs.
    :param end: ends one of them, unless it is ending already; answers whether it did.
    :param unfit: called with why, where the tables have come to need a newer version.
    :param renewed: called whenever it was renewed.
    :param tells: what else it tells of itself with each sign.
    """

    def __init__(
        self,
        name: str,
        seconds: float,
        in_database: InDatabase,
        *,
        in_hand: Callable[[], Collection[int]],
        end: Callable[[int], bool],
        unfit: Callable[[str], None],
        renewed: Callable[[], None],
        tells: Mapping[str, Any],
    ) -> None:
        self._name, self._seconds, self._in_database = name, seconds, in_database
        self._in_hand, self._end, self._unfit, self._tells = in_hand, end, unfit, tells
        self._told_renewed = renewed
        self._length = timedelta(seconds=seconds)
        self._renewed = 0.0
        self._delay = LoopDelay()

    def begin(self) -> None:
        """Say that it was renewed just now, by registering."""
        self._renewed = time.monotonic()

    @property
    def is_held(self) -> bool:
        """Whether nobody else may take what is in hand, for long enough to end it."""
        return time.monotonic() < self._renewed + self._seconds * (1 - _MARGIN)

    async def keep(self) -> None:
        """Renew it for ever, and end what was lost."""
        watches = [asyncio.create_task(each) for each in (self._watch(), self._delay.watch())]
        try:
            while True:
                await asyncio.sleep(self._seconds / processes.SIGNS)
                await self._sign()
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)

    async def _sign(self) -> None:
        asked, had = time.monotonic(), self._in_hand()
        vitals = {**self._tells, "memory": memory(), "loop_delay": self._delay.take()}
        try:
            # What is not in hand any more, for whatever reason, is to be missed.
            held = await self._in_database(lambda: self._renew(had, vitals))
            self._renewed = asked
            self._told_renewed()
        except ConfigurationError as error:
            self._unfit(str(error))
        except Exception:
            logger.exception("leases could not be renewed")
        else:
            # Most that are missing have ended meanwhile.
            for job in [job for job in had if job not in held]:
                if self._end(job):
                    logger.warning("job %s is lost: its lease has ended", job)

    def _renew(self, had: Collection[int], vitals: dict[str, Any]) -> Collection[int]:
        now = clock.now()
        processes.fits()
        if not runners.renew(self._name, now, self._length, had, {**vitals, "clock": processes.clock()}):
            # Somebody took it for gone.
            recovery.register(self._name, now, self._length)
        runners.forget_gone(now, self._length)
        return jobs.in_hand(self._name)

    async def _watch(self) -> None:
        """End everything in time where it cannot be renewed, even if the database keeps whoever asks it waiting."""
        while True:
            left = self._renewed + self._seconds * (1 - _MARGIN) - time.monotonic()
            if left > 0:
                await asyncio.sleep(left)
                continue
            with contextlib.suppress(Exception):
                for job in self._in_hand():
                    if self._end(job):
                        logger.warning("job %s is ended: the lease could not be renewed, and others may take it", job)
            await asyncio.sleep(self._seconds * _MARGIN)
