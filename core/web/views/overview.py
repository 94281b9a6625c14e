"""Every service at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import clock, configuration
from core.engine import schedules
from core.models import Flavour, Job, Repository
from core.queries import waiting
from core.queries.overview import Attention, Tile, counts, tiles
from core.services import holds, runners
from core.services.scope import Scope
from core.states import JobState

#: Jobs shown of those that are active; services that are listed unless all are asked for: more would take a second.
_ACTIVE, _LISTED = 30, 300


def overview(request: HttpRequest) -> HttpResponse:
    """What runs, what is on its way, what waits for somebody, and what is wrong."""
    now = clock.now()
    flavours = list(Flavour.objects.filter(retired_at=None))
    flavour = request.GET.get("flavour", "")
    flavour = flavour if any(flavour == row.name for row in flavours) else ""
    found = tiles(Scope(flavour), now)
    shown = request.GET.get("show", "")
    wanted = _in_order([tile for tile in found if tile.attention == shown] if shown in set(Attention) else found)
    words = request.GET.get("q", "").replace("\0", " ").strip()[:200]
    fitting = [tile for tile in wanted if _has(tile, words.lower().split())]
    everything = bool(request.GET.get("all"))
    whole = everything or len(wanted) <= _LISTED
    # Those that do not fit are there, hidden, for whoever types on: a script shows them without asking again.
    listed = wanted if whole else fitting[:_LISTED]
    active = list(Job.objects.active().select_related("flavour", "repository").order_by("priority", "pk")[:_ACTIVE])
    repositories = Repository.objects.filter(retired_at=None).order_by("name")
    context = {
        "flavours": flavours,
        "flavour": flavour,
        "groups": _by_attention(listed),
        "counts": counts(found),
        "total": len(found),
        "words": words,
        "matching": {tile.service.pk for tile in fitting},
        "wanted": len(wanted),
        "whole": whole,
        "all": everything,
        "left_out": 0 if whole else len(fitting) - len(listed),
        "broken": sum(tile.attention is Attention.BROKEN for tile in found),
        "shown": shown if shown in set(Attention) else "",
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


def _has(tile: Tile, words: list[str]) -> bool:
    """Whether a service is told by all of these words: by what its row says. A script does the same as somebody types."""
    service, commit = tile.service, tile.service.current.commit if tile.service.current else None
    said = [str(service), str(service.target.recipe.repository), service.target.branch, service.status, service.reason]
    said += [tile.reason, service.observed_health, *([commit.short, commit.title, commit.author] if commit else [])]
    text = " ".join(said).lower()
    return all(word in text for word in words)


def _by_attention(found: Iterable[Tile]) -> list[tuple[Attention, list[Tile]]]:
    """Those that are in order, in groups."""
    return [(attention, list(tiles)) for attention, tiles in groupby(found, key=lambda tile: tile.attention)]


def _in_order(found: Iterable[Tile]) -> list[Tile]:
    """What is broken first, then what is held, moves, and is fine."""
    order = list(Attention)
    return sorted(found, key=lambda tile: order.index(tile.attention))


def _by_reason(unseen: Iterable[Repository]) -> list[tuple[str, list[Repository]]]:
    """What could not be looked at, together where one reason is behind it."""
    reasons: dict[str, list[Repository]] = {}
    for row in unseen:
        reasons.setdefault(row.look_error, []).append(row)
    return list(reasons.items())


def _with_reasons(jobs: list[Job]) -> list[tuple[Job, str]]:
    reasons = waiting.reasons(jobs, clock.now())
    return [(job, reasons[job.pk]) for job in jobs]
