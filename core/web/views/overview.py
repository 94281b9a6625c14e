"""Every service at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core import configuration
from core.engine import schedules
from core.models import Flavour, Job, Repository
from core.queries import waiting
from core.queries.overview import Attention, Tile, counts, tiles
from core.services import holds, runners
from core.services.scope import Scope
from core.states import JobState

#: Jobs shown of those that are active.
_ACTIVE = 30


def overview(request: HttpRequest) -> HttpResponse:
    """What runs, what is on its way, what waits for somebody, and what is wrong."""
    now = timezone.now()
    flavours = list(Flavour.objects.filter(retired_at=None))
    flavour = request.GET.get("flavour", "")
    flavour = flavour if any(flavour == row.name for row in flavours) else ""
    found = tiles(Scope(flavour), now)
    shown = request.GET.get("show", "")
    wanted = [tile for tile in found if tile.attention == shown] if shown in set(Attention) else found
    active = list(Job.objects.active().select_related("flavour", "repository").order_by("priority", "pk")[:_ACTIVE])
    repositories = Repository.objects.filter(retired_at=None).order_by("name")
    context = {
        "flavours": flavours,
        "flavour": flavour,
        "groups": _by_flavour(wanted),
        "counts": counts(found),
        "total": len(found),
        "shown": shown if wanted is not found else "",
        "freezes": holds.in_force(now).freezes.values(),
        "notices": repositories.exclude(notice=""),
        "unseen": _by_reason(repositories.exclude(look_error="")),
        "active": _with_reasons(active),
        "active_count": Job.objects.active().count(),
        "failed": Job.objects.filter(state=JobState.FAILED)[:5],
        "late": schedules.late(now),
        "runners": runners.alive(now, timedelta(seconds=configuration.current().lease_seconds)),
    }
    return render(request, "deployer/overview.html", context)


def _by_flavour(found: Iterable[Tile]) -> list[tuple[Flavour, list[Tile]]]:
    groups = groupby(found, key=lambda tile: tile.service.target.recipe.repository.flavour)
    return [(flavour, list(tiles)) for flavour, tiles in groups]


def _by_reason(unseen: Iterable[Repository]) -> list[tuple[str, list[Repository]]]:
    """What could not be looked at, together where one reason is behind it."""
    reasons: dict[str, list[Repository]] = {}
    for row in unseen:
        reasons.setdefault(row.look_error, []).append(row)
    return list(reasons.items())


def _with_reasons(jobs: list[Job]) -> list[tuple[Job, str]]:
    reasons = waiting.reasons(jobs, timezone.now())
    return [(job, reasons[job.pk]) for job in jobs]
