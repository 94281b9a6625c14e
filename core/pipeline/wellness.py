"""When people are told that a service which nobody moved is unhealthy, and that it is well again. Pure.

A service is seen once a minute. It is told as unhealthy at the second look that shows it so, and as well again only after
`CALM` without a look that does not: one that goes up and down is told of once, and once more when it is over. A single bad
look is told to nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from core.states import Health

#: How long it has to be well without a break before that is believed, and how far apart two bad looks have to be.
CALM, TWICE = timedelta(minutes=5), timedelta(seconds=30)


class Told(StrEnum):
    UNHEALTHY = "unhealthy"
    RECOVERED = "recovered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wellness:
    """What is remembered of how a service was.

    :param unwell_since: when it was first seen unhealthy since it was last calm; None while it is calm.
    :param well_since: since when it is seen healthy without a break, while it is not calm yet.
    :param told_at: when people were told that it is unhealthy.
    """

    unwell_since: datetime | None = None
    well_since: datetime | None = None
    told_at: datetime | None = None


def after(before: Wellness, seen: Health, now: datetime) -> tuple[Wellness, Told | None]:
    """What is remembered after a look, and what people are told of it."""
    match seen:
        case Health.UNHEALTHY | Health.ABSENT:
            now_unwell = replace(before, unwell_since=before.unwell_since or now, well_since=None)
            assert now_unwell.unwell_since is not None
            if before.told_at is None and now - now_unwell.unwell_since >= TWICE:
                return replace(now_unwell, told_at=now), Told.UNHEALTHY
            return now_unwell, None
        case Health.HEALTHY if before.unwell_since:
            well_since = before.well_since or now
            if now - well_since < CALM:
                return replace(before, well_since=well_since), None
            return Wellness(), Told.RECOVERED if before.told_at else None
        case _:
            return before, None
