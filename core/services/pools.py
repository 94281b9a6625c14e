"""Places where builds run, and how many more each can take.

A pool is the builder's kind and the place that it names, such as an engine; a builder that names none works on the
runner's own host, and each runner has such a pool to itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Count
from pydantic import ValidationError

from core.errors import ConfigurationError
from core.models import Job, Recipe
from core.plugins import plugins
from core.states import Purpose

_BUILDER, _ON = "builder ", " on "


def pool_of(recipe: Recipe, platform: str, purpose: Purpose) -> str:
    """The pool that a build of a recipe belongs to."""
    place = _place(recipe.builder, recipe.options, platform, purpose)
    return (f"{_BUILDER}{recipe.builder}" + (f"{_ON}{place}" if place else ""))[:100]


def _place(kind: str, options: Mapping[str, Any], platform: str, purpose: Purpose) -> str:
    try:
        builder = plugins.builder(kind)
        return builder.place(platform, builder.Options.model_validate(options), purpose)
    except (ConfigurationError, ValidationError):
        # The job will fail with the reason in its log.
        return ""


def free(own: Mapping[str, int]) -> dict[str, int]:
    """How many more jobs each pool with a limit can take, of those that jobs wait for.

    Two runners that ask at the same moment may together take more than there is room for, once: the builder's next job
    waits the longer.

    :param own: how many jobs of each pool the asking runner has in hand.
    """
    waiting = Job.objects.queued().exclude(pool="").values_list("pool", flat=True).distinct().order_by()
    capacities = {pool: capacity for pool in waiting if (capacity := capacity_of(pool)) is not None}
    taken = running(capacities)
    return {
        pool: capacity - (taken.get(pool, 0) if is_shared(pool) else own.get(pool, 0))
        for pool, capacity in capacities.items()
    }


def full(pools: Collection[str], *, runners: int) -> set[str]:
    """Which of these pools have no free place.

    :param runners: how many are alive; each has a pool of its own host to itself.
    """
    capacities = {pool: capacity for pool in pools if (capacity := capacity_of(pool)) is not None}
    taken = running(capacities)
    return {
        pool
        for pool, capacity in capacities.items()
        if taken.get(pool, 0) >= capacity * (1 if is_shared(pool) else max(runners, 1))
    }


def running(pools: Collection[str]) -> dict[str, int]:
    """How many jobs of each pool run, on all runners together."""
    if not pools:
        return {}
    rows = Job.objects.running().filter(pool__in=list(pools)).values("pool").order_by().annotate(count=Count("pk"))
    return {row["pool"]: row["count"] for row in rows}


def is_shared(pool: str) -> bool:
    """Whether the runners share a pool, because it is at a place of its own."""
    return _ON in pool


def capacity_of(pool: str) -> int | None:
    """How many jobs run at once in a pool; None where nobody set a limit."""
    kind = pool.removeprefix(_BUILDER).partition(_ON)[0]
    builder = plugins.builders.get(kind)
    return builder.capacity if builder else None
