"""Locking services and freezing flavours, and what is held just now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from core.errors import RefusedError
from core.models import Deployment, Flavour, Hold, Job, Service
from core.models.jobs import JobQuerySet
from core.services import activities, hints
from core.states import JobKind


@dataclass(frozen=True, slots=True)
class Holds:
    """What is held: locks by the key of their service, freezes by the key of their flavour."""

    locks: Mapping[int, Hold]
    freezes: Mapping[int, Hold]

    def of(self, service: Service) -> Hold | None:
        """What holds a service, if anything does."""
        return self.locks.get(service.pk) or self.freezes.get(service.target.recipe.repository.flavour_id)

    def among(self, jobs: Iterable[Job]) -> dict[int, Hold]:
        """Those jobs that are held, with what holds each: only deployments are, and by a freeze no rollback. One query."""
        keys = [job.pk for job in jobs if job.kind == JobKind.DEPLOYMENT]
        if not keys or not (self.locks or self.freezes):
            return {}
        rows = Deployment.objects.filter(job__in=keys).values_list("job", "job__flavour", "service", "rollback")
        found = {
            job: self.locks.get(service) or (None if rollback else self.freezes.get(flavour))
            for job, flavour, service, rollback in rows
        }
        return {job: hold for job, hold in found.items() if hold}

    def release(self, jobs: JobQuerySet) -> JobQuerySet:
        """Leave out of a query the jobs that are held."""
        if self.locks:
            jobs = jobs.exclude(deployment_of__service__in=list(self.locks))
        if self.freezes:
            jobs = jobs.exclude(kind=JobKind.DEPLOYMENT, flavour__in=list(self.freezes), deployment_of__rollback=False)
        return jobs


def in_force(now: datetime) -> Holds:
    """What is held just now. One query."""
    found = list(_in_force(now).select_related("owner", "service", "flavour"))
    return Holds(
        {hold.service_id: hold for hold in found if hold.service_id},
        {hold.flavour_id: hold for hold in found if not hold.service_id},
    )


def freezes(now: datetime) -> QuerySet[Hold]:
    """The freezes of flavours that are in force."""
    return _in_force(now).filter(service=None)


def _in_force(now: datetime) -> QuerySet[Hold]:
    return Hold.objects.filter(Q(until=None) | Q(until__gt=now), lifted_at=None)


@transaction.atomic
def lock(service: Service, owner: User, *, reason: str, until: datetime | None = None) -> Hold:
    """Have a service stay as it is until somebody lifts the lock. What is being deployed already is not stopped.

    :raises RefusedError: it is locked already, the end is past, or the service is retired.
    """
    row = (
        Service.objects.select_for_update(of=("self",)).select_related("target__recipe__repository").get(pk=service.pk)
    )
    if row.retired_at is not None:
        raise RefusedError(f"{row} is retired: nothing moves it any more")
    return _hold(row.target.recipe.repository.flavour_id, row, owner, reason, until)


@transaction.atomic
def freeze(flavour: Flavour, owner: User, *, reason: str, until: datetime | None = None) -> Hold:
    """Have nothing of a flavour deployed, but for rollbacks, until somebody lifts the freeze.

    :raises RefusedError: it is frozen already, or the end is past.
    """
    row = Flavour.objects.select_for_update().get(pk=flavour.pk)
    return _hold(row.pk, None, owner, reason, until)


def _hold(flavour: int, service: Service | None, owner: User, reason: str, until: datetime | None) -> Hold:
    now = timezone.now()
    if not reason.strip():
        raise RefusedError("say why: everybody who waits will read it")
    if until is not None and until <= now:
        raise RefusedError("it would have ended already: give an end that is to come")
    rows = Hold.objects.filter(flavour=flavour, service=service, lifted_at=None)
    rows.filter(until__lte=now).update(lifted_at=now)
    if existing := rows.select_related("owner", "service", "flavour").first():
        raise RefusedError(f"it is held already. {existing.sentence}")
    hold = Hold.objects.create(flavour_id=flavour, service=service, owner=owner, reason=reason.strip(), until=until)
    activities.record(owner, "locked" if service else "froze", service or hold.flavour, reason=reason)
    hints.changed()
    return hold


@transaction.atomic
def lift(hold: Hold, user: User, *, reason: str = "") -> None:
    """Let what was held go on.

    :raises RefusedError: it was lifted already.
    """
    row = Hold.objects.select_for_update(of=("self",)).select_related("service", "flavour").get(pk=hold.pk)
    if row.lifted_at is not None:
        raise RefusedError(f"the {row.word} was lifted already")
    row.lifted_at, row.lifted_by = timezone.now(), user
    row.save(update_fields=["lifted_at", "lifted_by"])
    activities.record(user, f"lifted the {row.word} of", row.service or row.flavour, reason=reason)
    hints.changed()
