"""Every service at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from core import configuration
from core.engine import schedules
from core.models import Flavour, Job, Repository, Service
from core.queries import waiting
from core.services import runners
from core.states import JobState

#: Jobs shown of those that are active.
_ACTIVE = 30


def overview(request: HttpRequest) -> HttpResponse:
    """What runs, what is on its way, what waits for somebody, and what is wrong."""
    now = timezone.now()
    related = ("target__recipe__repository__flavour", "current__commit")
    services = Service.objects.filter(retired_at=None).select_related(*related)
    active = list(Job.objects.active().select_related("flavour", "repository").order_by("priority", "pk")[:_ACTIVE])
    repositories = Repository.objects.filter(retired_at=None).order_by("name")
    context = {
        "flavours": Flavour.objects.filter(retired_at=None),
        "services": services.order_by("target__recipe__repository__flavour__name", "name", "host"),
        "notices": repositories.exclude(notice=""),
        "unseen": _by_reason(repositories.exclude(look_error="")),
        "active": _with_reasons(active),
        "active_count": Job.objects.active().count(),
        "failed": Job.objects.filter(state=JobState.FAILED)[:5],
        "late": schedules.late(now),
        "runners": runners.alive(now, timedelta(seconds=configuration.current().lease_seconds)),
    }
    return render(request, "deployer/overview.html", context)


def _by_reason(unseen: Iterable[Repository]) -> list[tuple[str, list[Repository]]]:
    """What could not be looked at, together where one reason is behind it."""
    reasons: dict[str, list[Repository]] = {}
    for row in unseen:
        reasons.setdefault(row.look_error, []).append(row)
    return list(reasons.items())


def _with_reasons(jobs: list[Job]) -> list[tuple[Job, str]]:
    reasons = waiting.reasons(jobs, timezone.now())
    return [(job, reasons[job.pk]) for job in jobs]
