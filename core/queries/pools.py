"""Where builds run: what the builders tell of their machines, and what waits and runs there of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q

from core.models import BuilderPools, Job
from core.services import pools
from core.states import JobState
from core.values import Pool, PoolWorker


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPool:
    """Our builds in one place.

    :param capacity: how many run there at once; None where nobody set a limit.
    """

    name: str
    running: int
    queued: int
    capacity: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildersPools:
    """What a builder told of its machines, and when."""

    builder: str
    pools: tuple[Pool, ...]
    error: str
    at: datetime


def own() -> list[OwnPool]:
    """Where our builds run and wait now, by name."""
    rows = (
        Job.objects.active()
        .exclude(pool="")
        .values("pool")
        .order_by("pool")
        .annotate(
            running=Count("pk", filter=Q(state=JobState.RUNNING)), queued=Count("pk", filter=Q(state=JobState.QUEUED))
        )
    )
    return [
        OwnPool(
            name=row["pool"].removeprefix("builder "),
            running=row["running"],
            queued=row["queued"],
            capacity=pools.capacity_of(row["pool"]),
        )
        for row in rows
    ]


def told() -> list[BuildersPools]:
    """What builders told of their machines, by their names."""
    return [
        BuildersPools(builder=row.builder, pools=tuple(map(_pool, row.pools)), error=row.error, at=row.at)
        for row in BuilderPools.objects.all()
    ]


def _pool(kept: Mapping[str, Any]) -> Pool:
    return Pool(**{**kept, "workers": tuple(PoolWorker(**worker) for worker in kept["workers"])})
