"""Every service at a glance: what runs, how it is, what is on its way to it, and what holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.models import Hold, Job, Service
from core.pipeline.evaluate import Status
from core.queries import waiting
from core.services import holds
from core.services.scope import Scope
from core.states import Health, JobKind


class Attention(StrEnum):
    """What a service asks of whoever looks: those that are broken first."""

    BROKEN = "broken"
    HELD = "held"
    MOVING = "on its way"
    FINE = "fine"


@dataclass(frozen=True, slots=True)
class Tile:
    """A service at a glance.

    :param job: its deployment that waits or runs, and why that is where it is.
    """

    service: Service
    attention: Attention
    hold: Hold | None
    job: Job | None
    reason: str


def tiles(scope: Scope, now: datetime) -> list[Tile]:
    """Every service in use, by flavour, name and host. A fixed number of queries."""
    related = ("target__recipe__repository__flavour", "current__commit")
    rows = Service.objects.filter(scope.services(), retired_at=None).select_related(*related)
    active = Job.objects.active().filter(kind=JobKind.DEPLOYMENT).select_related("flavour", "deployment_of")
    jobs = {job.deployment_of.service_id: job for job in active}
    reasons = waiting.reasons(jobs.values(), now)
    held = holds.in_force(now)
    return [
        _tile(row, jobs.get(row.pk), reasons, held.of(row))
        for row in rows.order_by("target__recipe__repository__flavour__name", "name", "host")
    ]


def _tile(row: Service, job: Job | None, reasons: Mapping[int, str], hold: Hold | None) -> Tile:
    return Tile(row, _attention(row, job, hold), hold, job, reasons[job.pk] if job else "")


def _attention(row: Service, job: Job | None, hold: Hold | None) -> Attention:
    unwell = row.current is not None and row.observed_health in (Health.UNHEALTHY, Health.ABSENT)
    if row.status == Status.FAILED or unwell or row.drift:
        return Attention.BROKEN
    if hold:
        return Attention.HELD
    if job or row.status not in (Status.DONE, Status.CANCELLED):
        return Attention.MOVING
    return Attention.FINE


def counts(found: Iterable[Tile]) -> list[tuple[Attention, int]]:
    """How many there are of each kind that there is."""
    counted = Counter(tile.attention for tile in found)
    return [(each, counted[each]) for each in Attention if counted[each]]
