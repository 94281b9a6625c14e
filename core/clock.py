"""The time that all processes agree on. Leases and dues are compared across hosts, whose own clocks may be wrong.

On PostgreSQL it is the database's time of day, asked for now and then and carried on by a clock that nobody steps; on
SQLite all processes are on one host and have its clock.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

#: Seconds for which an answer of the database is carried on: two hosts' clocks drift apart less than a millisecond in them.
_CARRIED = 10.0


@dataclass(frozen=True, slots=True)
class _Anchor:
    """What the database said, and when by this host's clock since it started."""

    said: datetime
    at: float


_anchor: _Anchor | None = None


def now() -> datetime:
    """The time, in UTC.

    :raises django.db.DatabaseError: the database has to be asked and does not answer.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    anchor = _anchor
    if anchor is None or (_since_boot() - anchor.at > _CARRIED and not _on_a_loop()):
        anchor = _ask() if not _on_a_loop() else _Anchor(timezone.now(), _since_boot())
    return anchor.said + timedelta(seconds=_since_boot() - anchor.at)


def _ask() -> _Anchor:
    global _anchor  # noqa: PLW0603  one for the process: connections come and go
    with connection.cursor() as cursor:
        # What `now()` answers stands still in a transaction.
        cursor.execute("SELECT clock_timestamp()")
        # Not before it answered: a time that lies behind makes leases shorter for oneself, and never for others.
        _anchor = _Anchor(cursor.fetchone()[0], _since_boot())
    return _anchor


def _since_boot() -> float:
    # It goes on while the machine sleeps, which the monotonic clock does not.
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _on_a_loop() -> bool:
    """Whether this is an event loop's thread, which must not wait for the database."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
