"""Letting deployments through a gate all the same: by a person, with a reason, for one deployment or for a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q, QuerySet

from core import clock
from core.errors import RefusedError
from core.models import Deployment, GateException, Job, Service
from core.services import activities, gates
from core.services.gates import Standing
from core.states import JobState


def in_force(now: datetime) -> QuerySet[GateException]:
    """The exceptions that count."""
    return GateException.objects.filter(Q(until=None) | Q(until__gt=now), revoked_at=None)


def of_deployment(deployment: Deployment, now: datetime) -> dict[str, GateException]:
    """What a deployment is let through by, by the gate's key."""
    mine = Q(job=None) | Q(job=deployment.job_id)
    rows = in_force(now).filter(mine, service=deployment.service_id).select_related("granted_by", "service")
    return {row.key: row for row in rows}


def that_matter(now: datetime) -> QuerySet[GateException]:
    """The exceptions that still matter: those for a time, and those of a deployment that waits."""
    rows = in_force(now).filter(Q(job=None) | Q(job__state=JobState.QUEUED))
    return rows.select_related("granted_by", "service", "job")


@transaction.atomic
def grant(
    service: Service,
    standing: Iterable[Standing],
    user: User,
    *,
    reason: str,
    job: Job | None = None,
    until: datetime | None = None,
) -> list[GateException]:
    """Let a deployment, or all of a service for a time, through gates.

    :param job: that of the deployment; None for all of the service.
    :raises RefusedError: nothing is said why, the deployment waits no more, a gate has no exceptions, it is let through
        already, or the end is past or missing.
    """
    now, reason = clock.now(), reason.strip()
    if not reason:
        raise RefusedError("say why: everybody will read it")
    if until is not None and until <= now:
        raise RefusedError("it would have ended already: give an end that is to come")
    if job is None and until is None:
        raise RefusedError("say for how long every deployment of the service is to be let through")
    if job is not None and Job.objects.select_for_update(no_key=True).get(pk=job.pk).state != JobState.QUEUED:
        raise RefusedError(f"job {job.pk} does not wait: no gate holds it")
    return [_grant(service, each, user, reason, job, until, now) for each in standing]


def _grant(
    service: Service,
    standing: Standing,
    user: User,
    reason: str,
    job: Job | None,
    until: datetime | None,
    now: datetime,
) -> GateException:
    if standing.exceptions == "nobody":
        raise RefusedError(f"gate {standing.title} has no exceptions: its option `exceptions` says so")
    same = in_force(now).filter(service=service, job=job, key=standing.key).select_related("granted_by", "service")
    if there := same.first():
        raise RefusedError(f"it is let through already. {there.sentence}")
    row = GateException.objects.create(
        service=service,
        job=job,
        gate=standing.kind,
        key=standing.key,
        title=standing.title[:300],
        reason=reason,
        granted_by=user,
        until=until,
    )
    activities.record(user, "granted an exception to", job or service, reason=row.sentence)
    gates.ask_again(_concerned(row))
    return row


@transaction.atomic
def revoke(exception: GateException, user: User, *, reason: str = "") -> None:
    """Let through no more what has not started.

    :raises RefusedError: it was revoked already, or has ended.
    """
    row = (
        GateException.objects.select_for_update(no_key=True, of=("self",))
        .select_related("service", "job")
        .get(pk=exception.pk)
    )
    now = clock.now()
    if row.revoked_at is not None or (row.until is not None and row.until <= now):
        raise RefusedError("the exception is in force no more")
    row.revoked_at, row.revoked_by = now, user
    row.save(update_fields=["revoked_at", "revoked_by"])
    activities.record(user, "revoked the exception of", row.job or row.service, reason=reason)
    gates.ask_again(_concerned(row))


def _concerned(row: GateException) -> QuerySet[Deployment]:
    rows = Deployment.objects.filter(service=row.service_id)
    return rows.filter(job=row.job_id) if row.job_id else rows
