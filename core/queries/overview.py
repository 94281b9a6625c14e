"""Every service at a glance: what runs, how it is, what is on its way to it, and what holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.models import Hold, Job, Service
from core.pipeline.evaluate import Status
from core.queries import gates, waiting
from core.queries.gates import GateHold
from core.services import holds
from core.services.scope import Scope
from core.states import Health, JobKind

_RELATED = ("target__recipe__repository__flavour", "current__commit")
_REPOSITORY, _COMMIT = "target__recipe__repository__", "current__commit__"
#: The columns that are shown. All of thousands of services, with all that belongs to them, would take most of a second.
_SHOWN = (
    "target", "name", "host", "status", "reason", "current", "current_digest", "current_since", "drift_policy",
    "observed_at", "observed_digest", "observed_drift", "observed_health", "target__recipe", "target__branch",
    "target__recipe__repository", f"{_REPOSITORY}name", f"{_REPOSITORY}flavour", f"{_REPOSITORY}flavour__name",
    f"{_REPOSITORY}flavour__title", f"{_REPOSITORY}flavour__drift",
    "current__commit", f"{_COMMIT}hash", f"{_COMMIT}message", f"{_COMMIT}author",
)  # fmt: skip


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
    :param gates: what gates hold that.
    """

    service: Service
    attention: Attention
    hold: Hold | None
    job: Job | None
    reason: str
    gates: Sequence[GateHold] = ()


def tiles(scope: Scope, now: datetime) -> list[Tile]:
    """Every service in use, by flavour, name and host. A fixed number of queries."""
    rows = Service.objects.filter(scope.services(), retired_at=None).select_related(*_RELATED).only(*_SHOWN)
    active = Job.objects.active().filter(kind=JobKind.DEPLOYMENT).select_related("flavour", "deployment_of")
    jobs = {job.deployment_of.service_id: job for job in active}
    reasons = waiting.reasons(jobs.values(), now)
    held = holds.in_force(now)
    gated = gates.holds_of(jobs.values(), now)
    return [
        _tile(row, jobs.get(row.pk), reasons, held.of(row), gated)
        for row in rows.order_by("target__recipe__repository__flavour__name", "name", "host")
    ]


def _tile(
    row: Service,
    job: Job | None,
    reasons: Mapping[int, str],
    hold: Hold | None,
    gated: Mapping[int, Sequence[GateHold]],
) -> Tile:
    these = gated.get(job.pk, ()) if job else ()
    held = hold is not None or bool(these)
    return Tile(row, _attention(row, job, held=held), hold, job, reasons[job.pk] if job else "", these)


def _attention(row: Service, job: Job | None, *, held: bool) -> Attention:
    unwell = row.current is not None and row.observed_health in (Health.UNHEALTHY, Health.ABSENT)
    if row.status == Status.FAILED or unwell or row.drift:
        return Attention.BROKEN
    if held:
        return Attention.HELD
    if job or row.status not in (Status.DONE, Status.CANCELLED):
        return Attention.MOVING
    return Attention.FINE


def counts(found: Iterable[Tile]) -> list[tuple[Attention, int]]:
    """How many there are of each kind that there is."""
    counted = Counter(tile.attention for tile in found)
    return [(each, counted[each]) for each in Attention if counted[each]]
