"""What every service runs, and why it is where it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Prefetch, QuerySet

from core import clock
from core.models import Deployment, Hold, Release, Rollback, Service
from core.pipeline.declaration import HealthCheck
from core.pipeline.drift import decide
from core.pipeline.facts import DriftFact
from core.queries import gates
from core.queries.gates import GateHold
from core.queries.orders import Order, orders
from core.services import drift, exceptions, holds, unhealthy
from core.services.scope import Scope
from core.states import DriftPolicy, Health, Rollout

#: By repository and name.
IN_ORDER = ("target__recipe__repository__name", "name", "host")
_NOT_EVALUATED = "It was not evaluated yet: its repository is looked at when a runner is alive."


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRun:
    """A release that a service runs, or is held at.

    :param since: when the service was moved to it, or when the rollback to it was asked for.
    """

    id: int
    image: str
    digest: str
    commit: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackInForce:
    """A person had the service go back."""

    release: ReleaseRun
    reason: str
    asked_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBy:
    """A person holds something still: a `lock` or a `pause` of a service, or a `freeze` of its flavour."""

    kind: str
    owner: str
    reason: str
    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, row: Hold) -> HeldBy:
        """From its row, with its owner."""
        return cls(kind=row.word, owner=row.owner.get_username(), reason=row.reason, since=row.since, until=row.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhealthyRelease:
    """A release that the service did not stay healthy with: it is not tried again before somebody asks.

    :param found: what was wrong, in words.
    """

    deployment: int
    release: int
    commit: str
    digest: str
    found: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNow:
    """A service, as it is now.

    :param runs: what its latest successful deployment moved it to; None before the first.
    :param status: what the last evaluation made of it (`core.pipeline.evaluate.Status`); empty before the first.
    :param reason: one sentence: why it is not done. Empty for what is.
    :param drift: what was seen to be otherwise than its latest deployment said, in words.
    :param rollout: how the services of its target move (`core.states.Rollout`).
    :param soak: seconds that it is watched after its move.
    :param drift_policy: what is done about drift (`core.states.DriftPolicy`).
    :param drift_outlook: what becomes of the drift there is, in a sentence; empty where there is none.
    :param check: how it is asked from outside whether it is well; None where it is not.
    :param unhealthy: newest first.
    :param position: where it comes among the services of its target, from 1; 0 for one that is in use no more.
    :param hold: who holds it still, if anybody does.
    :param gates: what stands before it, as people call it.
    :param held_by: the gates that hold its deployment that waits.
    :param exceptions: who lets its deployments through a gate, and why; a sentence each.
    """

    id: int
    name: str
    host: str
    uri: str
    deployer: str
    flavour: str
    repository: str
    branch: str
    image: str
    status: str
    reason: str
    runs: ReleaseRun | None
    rollback: RollbackInForce | None
    health: Health
    seen: str
    seen_at: datetime | None
    drift: str
    drift_policy: DriftPolicy
    drift_outlook: str
    check: HealthCheck | None
    unhealthy: tuple[UnhealthyRelease, ...]
    rollout: Rollout
    soak: int
    position: int
    hold: HeldBy | None
    gates: Sequence[str] = ()
    held_by: Sequence[GateHold] = ()
    exceptions: Sequence[str] = ()

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name


def services(scope: Scope) -> list[ServiceNow]:
    """Every service in use, by repository and name."""
    return values(in_use(scope).order_by(*IN_ORDER))


def in_use(scope: Scope) -> QuerySet[Service]:
    """The rows of every service in use, for `values`."""
    return _rows().filter(scope.services(), retired_at=None)


def service(id: int) -> ServiceNow:
    """One service, in use or not.

    :raises Service.DoesNotExist: there is none.
    """
    return values([_rows().get(pk=id)])[0]


def _rows() -> QuerySet[Service]:
    rollbacks = Rollback.objects.filter(lifted_at=None).select_related("release__commit", "asked_by")
    rows = Service.objects.select_related("target__recipe__repository__flavour", "current__commit")
    marked = Prefetch("deployments", unhealthy.marks().select_related("release__commit"), to_attr="marked")
    return rows.prefetch_related(Prefetch("rollbacks", rollbacks, to_attr="in_force"), marked)


def values(rows: Iterable[Service]) -> list[ServiceNow]:
    """Services as they are now, of rows that this module made. A fixed number of queries."""
    these = list(rows)
    found = orders(these)
    now = clock.now()
    held, drifts = holds.in_force(now), drift.facts(these, now)
    gated = gates.holds_by_service([row.pk for row in these], now)
    through: dict[int, list[str]] = defaultdict(list)
    for each in exceptions.that_matter(now):
        through[each.service_id].append(each.sentence)
    return [
        replace(
            _value(row, found.get(row.pk), held.of(row), drifts.get(row.pk)),
            gates=[each.title for each in gates.before(row)],
            held_by=gated.get(row.pk, ()),
            exceptions=through[row.pk],
        )
        for row in these
    ]


def _value(row: Service, order: Order | None, hold: Hold | None, drifted: DriftFact | None) -> ServiceNow:
    repository = row.target.recipe.repository
    in_force: Sequence[Rollback] = row.in_force  # type: ignore[attr-defined]  # set by the prefetch above
    return ServiceNow(
        id=row.pk,
        name=row.name,
        host=row.host,
        uri=row.uri,
        deployer=row.deployer,
        flavour=repository.flavour.name,
        repository=repository.name,
        branch=row.target.branch,
        image=row.target.image,
        status=row.status,
        reason=row.reason if row.status else _NOT_EVALUATED,
        runs=_release(row.current, row.current_digest, row.current_since) if row.current else None,
        rollback=next((_rollback(each) for each in in_force), None),
        health=Health(row.observed_health),
        seen=row.observed_detail,
        seen_at=row.observed_at,
        drift=row.drift,
        drift_policy=row.drift_in_force,
        drift_outlook=decide(drifted).sentence if drifted else "",
        check=HealthCheck(**row.health_check) if row.health_check else None,
        unhealthy=tuple(_mark(each) for each in row.marked),  # type: ignore[attr-defined]  # likewise
        rollout=Rollout(row.target.rollout),
        soak=order.watched if order else 0,
        position=order.position if order else 0,
        hold=HeldBy.of(hold) if hold else None,
    )


def _release(row: Release, digest: str, since: datetime | None) -> ReleaseRun:
    return ReleaseRun(id=row.pk, image=row.image, digest=digest, commit=row.commit.hash, since=since)


def _mark(row: Deployment) -> UnhealthyRelease:
    return UnhealthyRelease(
        deployment=row.pk,
        release=row.release_id,
        commit=row.release.commit.hash,
        digest=row.digest,
        found=row.unhealthy,
        at=row.created_at,
    )


def _rollback(row: Rollback) -> RollbackInForce:
    asked_by = row.asked_by.get_username() if row.asked_by else ""
    return RollbackInForce(
        release=_release(row.release, row.release.digest, row.asked_at), reason=row.reason, asked_by=asked_by
    )
