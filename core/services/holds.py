"""Locking and pausing services, freezing flavours, and what is held just now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from core.errors import RefusedError
from core.models import Deployment, Flavour, Hold, Job, Service
from core.models.jobs import JobQuerySet
from core.services import activities, hints
from core.states import HoldKind, JobKind


@dataclass(frozen=True, slots=True)
class Holds:
    """What is held: locks and pauses by the key of their service, freezes by the key of their flavour."""

    locks: Mapping[int, Hold]
    pauses: Mapping[int, Hold]
    freezes: Mapping[int, Hold]

    def of(self, service: Service) -> Hold | None:
        """What holds a service, if anything does: what holds most of it first."""
        return next(iter(self.all_of(service)), None)

    def all_of(self, service: Service) -> list[Hold]:
        """All that holds a service, what holds most of it first."""
        flavour = service.target.recipe.repository.flavour_id
        found = (self.locks.get(service.pk), self.pauses.get(service.pk), self.freezes.get(flavour))
        return [hold for hold in found if hold]

    def among(self, jobs: Iterable[Job]) -> dict[int, Hold]:
        """Those jobs that are held, with what holds each: only deployments are, and not all by everything. One query."""
        keys = [job.pk for job in jobs if job.kind == JobKind.DEPLOYMENT]
        if not keys or not (self.locks or self.pauses or self.freezes):
            return {}
        rows = Deployment.objects.filter(job__in=keys)
        fields = ("job", "job__flavour", "service", "rollback", "asked_by")
        found = {
            job: self._holds(flavour, service, rollback=rollback, asked=asked is not None)
            for job, flavour, service, rollback, asked in rows.values_list(*fields)
        }
        return {job: hold for job, hold in found.items() if hold}

    def _holds(self, flavour: int, service: int, *, rollback: bool, asked: bool) -> Hold | None:
        if service in self.locks:
            return self.locks[service]
        if service in self.pauses and not (rollback or asked):
            return self.pauses[service]
        return None if rollback else self.freezes.get(flavour)

    def release(self, jobs: JobQuerySet) -> JobQuerySet:
        """Leave out of a query the jobs that are held."""
        if self.locks:
            jobs = jobs.exclude(deployment_of__service__in=list(self.locks))
        if self.pauses:
            paused = {"deployment_of__service__in": list(self.pauses), "deployment_of__asked_by": None}
            jobs = jobs.exclude(kind=JobKind.DEPLOYMENT, deployment_of__rollback=False, **paused)
        if self.freezes:
            jobs = jobs.exclude(kind=JobKind.DEPLOYMENT, flavour__in=list(self.freezes), deployment_of__rollback=False)
        return jobs


def in_force(now: datetime) -> Holds:
    """What is held just now. One query."""
    found = list(_in_force(now).select_related("owner", "service", "flavour"))
    return Holds(
        {hold.service_id: hold for hold in found if hold.service_id and hold.kind == HoldKind.LOCK},
        {hold.service_id: hold for hold in found if hold.service_id and hold.kind == HoldKind.PAUSE},
        {hold.flavour_id: hold for hold in found if hold.kind == HoldKind.FREEZE},
    )


def freezes(now: datetime) -> QuerySet[Hold]:
    """The freezes of flavours that are in force."""
    return _in_force(now).filter(service=None)


def _in_force(now: datetime) -> QuerySet[Hold]:
    return Hold.objects.filter(Q(until=None) | Q(until__gt=now), lifted_at=None)


@transaction.atomic
def lock(service: Service, owner: User, *, reason: str, until: datetime | None = None) -> Hold:
    """Have a service stay as it is until somebody lifts the lock. What is being deployed already is not stopped.

    :raises RefusedError: it is locked already, nothing is said why, the end is past, or the service is retired.
    """
    row = _in_use(service)
    return _hold(HoldKind.LOCK, row.target.recipe.repository.flavour_id, row, owner, reason, until)


@transaction.atomic
def pause(service: Service, owner: User, *, reason: str = "", until: datetime | None = None) -> Hold:
    """Have a service follow its branch no further until somebody lifts the pause. What people ask for still goes.

    :raises RefusedError: it is paused already, the end is past, or the service is retired.
    """
    row = _in_use(service)
    return _hold(HoldKind.PAUSE, row.target.recipe.repository.flavour_id, row, owner, reason, until)


def _in_use(service: Service) -> Service:
    rows = Service.objects.select_for_update(no_key=True, of=("self",)).select_related("target__recipe__repository")
    row = rows.get(pk=service.pk)
    if row.retired_at is not None:
        raise RefusedError(f"{row} is retired: nothing moves it any more")
    return row


@transaction.atomic
def freeze(flavour: Flavour, owner: User, *, reason: str, until: datetime | None = None) -> Hold:
    """Have nothing of a flavour deployed, but for rollbacks, until somebody lifts the freeze.

    :raises RefusedError: it is frozen already, or the end is past.
    """
    row = Flavour.objects.select_for_update(no_key=True).get(pk=flavour.pk)
    return _hold(HoldKind.FREEZE, row.pk, None, owner, reason, until)


#: What somebody did, by what came of it.
_DONE = {HoldKind.LOCK: "locked", HoldKind.PAUSE: "paused", HoldKind.FREEZE: "froze"}


def _hold(
    kind: HoldKind, flavour: int, service: Service | None, owner: User, reason: str, until: datetime | None
) -> Hold:
    now, reason = clock.now(), reason.strip()
    if not reason and kind is not HoldKind.PAUSE:
        raise RefusedError("say why: everybody who waits will read it")
    if until is not None and until <= now:
        raise RefusedError("it would have ended already: give an end that is to come")
    rows = Hold.objects.filter(flavour=flavour, service=service, lifted_at=None)
    if service is not None:
        rows = rows.filter(kind=kind)
    rows.filter(until__lte=now).update(lifted_at=now)
    if existing := rows.select_related("owner", "service", "flavour").first():
        raise RefusedError(f"it is held already. {existing.sentence}")
    hold = Hold.objects.create(kind=kind, flavour_id=flavour, service=service, owner=owner, reason=reason, until=until)
    activities.record(owner, _DONE[kind], service or hold.flavour, reason=reason)
    hints.changed()
    return hold


def of_service(service: Service, kind: HoldKind) -> Hold:
    """The lock or the pause of a service that nobody has lifted.

    :raises Hold.DoesNotExist: there is none.
    """
    return Hold.objects.get(service=service, kind=kind, lifted_at=None)


@transaction.atomic
def lift(hold: Hold, user: User, *, reason: str = "") -> None:
    """Let what was held go on.

    :raises RefusedError: it was lifted already.
    """
    row = Hold.objects.select_for_update(no_key=True, of=("self",)).select_related("service", "flavour").get(pk=hold.pk)
    if row.lifted_at is not None:
        raise RefusedError(f"the {row.word} was lifted already")
    row.lifted_at, row.lifted_by = clock.now(), user
    row.save(update_fields=["lifted_at", "lifted_by"])
    activities.record(user, f"lifted the {row.word} of", row.service or row.flavour, reason=reason)
    hints.changed()
