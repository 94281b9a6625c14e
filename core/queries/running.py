"""What every service runs, and why it is where it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from core.models import Hold, Release, Rollback, Service
from core.queries.orders import orders
from core.services import holds
from core.services.scope import Scope
from core.states import Health, Rollout

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
    """A person holds something still: a `lock` of a service, or a `freeze` of its flavour."""

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
class ServiceNow:
    """A service, as it is now.

    :param runs: what its latest successful deployment moved it to; None before the first.
    :param status: what the last evaluation made of it (`core.pipeline.evaluate.Status`); empty before the first.
    :param reason: one sentence: why it is not done. Empty for what is.
    :param drift: what was seen to be otherwise than its latest deployment said, in words.
    :param rollout: how the services of its target move (`core.states.Rollout`).
    :param soak: seconds that those which others wait for are watched after their move.
    :param position: where it comes among the services of its target, from 1; 0 for one that is in use no more.
    :param hold: who holds it still, if anybody does.
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
    rollout: Rollout
    soak: int
    position: int
    hold: HeldBy | None

    @property
    def full_name(self) -> str:
        return f"{self.name}@{self.host}" if self.host else self.name


def services(scope: Scope) -> list[ServiceNow]:
    """Every service in use, by repository and name."""
    rows = _rows().filter(scope.services(), retired_at=None)
    return _values(rows.order_by("target__recipe__repository__name", "name", "host"))


def service(id: int) -> ServiceNow:
    """One service, in use or not.

    :raises Service.DoesNotExist: there is none.
    """
    return _values([_rows().get(pk=id)])[0]


def _rows() -> QuerySet[Service]:
    rollbacks = Rollback.objects.filter(lifted_at=None).select_related("release__commit", "asked_by")
    rows = Service.objects.select_related("target__recipe__repository__flavour", "current__commit")
    return rows.prefetch_related(Prefetch("rollbacks", rollbacks, to_attr="in_force"))


def _values(rows: Iterable[Service]) -> list[ServiceNow]:
    these = list(rows)
    found = orders(these)
    held = holds.in_force(timezone.now())
    return [_value(row, found[row.pk].position if row.pk in found else 0, held.of(row)) for row in these]


def _value(row: Service, position: int, hold: Hold | None) -> ServiceNow:
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
        rollout=Rollout(row.target.rollout),
        soak=row.target.soak,
        position=position,
        hold=HeldBy.of(hold) if hold else None,
    )


def _release(row: Release, digest: str, since: datetime | None) -> ReleaseRun:
    return ReleaseRun(id=row.pk, image=row.image, digest=digest, commit=row.commit.hash, since=since)


def _rollback(row: Rollback) -> RollbackInForce:
    asked_by = row.asked_by.get_username() if row.asked_by else ""
    return RollbackInForce(
        release=_release(row.release, row.release.digest, row.asked_at), reason=row.reason, asked_by=asked_by
    )
