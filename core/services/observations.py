"""Looks at services: which are due, and writing down what was seen, with what follows of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import QuerySet

from core import hiding
from core.models import Job, Ref, Service
from core.pipeline.drift import DriftAction, decide
from core.pipeline.wellness import Told, Wellness, after
from core.services import drift, heads, hints, news
from core.services.scope import Scope
from core.states import Health
from core.values import Observation

#: Seconds between regular looks at a service.
INTERVAL = 60
#: How long a service has to be without drift before people are told of it anew.
_QUIET = timedelta(hours=1)


def claim(now: datetime, scope: Scope, *, limit: int) -> list[Service]:
    """Take the services that are to be looked at now.

    When the next look is due is the mark of this one: a deployment that ends changes it, and what was seen before that
    counts no longer. No clock decides it, as those of two runners are not the same to the millisecond.
    """
    due = Service.objects.filter(scope.services(), next_observe_at__lte=now, retired_at=None)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(due, now, limit) if limit and due.exists() else []


@transaction.atomic
def _take(due: QuerySet[Service], now: datetime, limit: int) -> list[Service]:
    taken = list(due.select_for_update(no_key=True, skip_locked=True)[:limit])
    again = now + timedelta(seconds=INTERVAL)
    Service.objects.filter(pk__in=[row.pk for row in taken]).update(next_observe_at=again)
    for row in taken:
        row.next_observe_at = again
    return taken


@transaction.atomic
def record(service: Service, seen: Observation, now: datetime) -> None:
    """Write down what a service runs, have it evaluated where something is to be put right, and people told of news.

    :param service: as it was taken. Nothing is done where another look has become due since.
    """
    row = _locked(service)
    if row is None:
        return
    fields = {
        "observed_digest": seen.digest or "",
        "observed_health": seen.health,
        "observed_detail": hiding.hidden(seen.detail),
        "observed_drift": hiding.hidden(seen.drift),
    }
    changed = any(getattr(row, name) != value for name, value in fields.items())
    for name, value in fields.items():
        setattr(row, name, value)
    row.observed_at = now
    row.save(update_fields=["observed_at", *fields])
    # One that runs, of a deployer that knows nothing of its health, is believed to be well: as after its move.
    health = Health.HEALTHY if seen.health is Health.UNKNOWN and seen.digest else seen.health
    _follow_up(row, health, now)
    if changed:
        hints.changed()


@transaction.atomic
def record_failure(service: Service, reason: str) -> None:
    """Write down that nobody can tell what a service runs; `service` as it was taken."""
    row = _locked(service)
    if row is None:
        return
    row.observed_health, row.observed_detail = Health.UNKNOWN, hiding.hidden(reason)
    row.save(update_fields=["observed_health", "observed_detail"])
    hints.changed()


def _locked(service: Service) -> Service | None:
    """The service, if no other look has become due since it was taken. A deployment that ends just now is waited for."""
    rows = Service.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "target__recipe__repository__flavour"
    )
    return rows.filter(pk=service.pk, next_observe_at=service.next_observe_at).first()


def _follow_up(row: Service, seen: Health, now: datetime) -> None:
    """What is to be done and told: nothing of a service that was never deployed or is just being moved."""
    if row.current_id is None or row.retired_at is not None:
        return
    if Job.objects.running().filter(deployment_of__service=row.pk).exists():
        return
    _tell_health(row, seen, now)
    _see_to_drift(row, now)


def _tell_health(row: Service, seen: Health, now: datetime) -> None:
    before = Wellness(unwell_since=row.unwell_since, well_since=row.well_since, told_at=row.unwell_told_at)
    then, told = after(before, seen, now)
    if then != before:
        Service.objects.filter(pk=row.pk).update(
            unwell_since=then.unwell_since, well_since=then.well_since, unwell_told_at=then.told_at
        )
    since = before.unwell_since or now
    if told is Told.UNHEALTHY:
        news.of_service(row, "unhealthy", f"{row} is {seen}", since=since, reason=row.observed_detail)
    elif told is Told.RECOVERED:
        minutes = (now - since).total_seconds() / 60
        news.of_service(row, "healthy", f"{row} is well again, after {minutes:.0f} minutes", since=since)


def _have_evaluated(row: Service) -> None:
    branch = f"refs/heads/{row.target.branch}"
    heads.touch(Ref.objects.filter(repository=row.target.recipe.repository_id, name=branch))
    hints.changed()


def _see_to_drift(row: Service, now: datetime) -> None:
    fact = drift.facts([row], now).get(row.pk)
    if fact is None:
        if row.drift_told_at and now - row.drift_told_at > _QUIET:
            Service.objects.filter(pk=row.pk).update(drift_told_at=None)
        return
    decision = decide(fact)
    if decision.action is DriftAction.HEAL:
        # Not in this transaction, which holds the service: who ends a job holds the refs first.
        transaction.on_commit(partial(_have_evaluated, row))
    elif decision.action in (DriftAction.ASK, DriftAction.HELD) and row.drift_told_at is None:
        Service.objects.filter(pk=row.pk).update(drift_told_at=now)
        text = f"{row} has drifted: {fact.words}"
        news.of_service(row, "drifted", text, since=now, reason=decision.sentence)
