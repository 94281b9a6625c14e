"""Looks at services: which are due, and writing down what was seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from core.models import Service
from core.services import hints
from core.services.scope import Scope
from core.states import Health
from core.values import Observation

#: Seconds between regular looks at a service.
INTERVAL = 60


def claim(now: datetime, scope: Scope, *, limit: int) -> list[Service]:
    """Take the services that are to be looked at now."""
    due = Service.objects.filter(scope.services(), next_observe_at__lte=now, retired_at=None)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _take(due, now, limit) if limit and due.exists() else []


@transaction.atomic
def _take(due: QuerySet[Service], now: datetime, limit: int) -> list[Service]:
    taken = list(due.select_for_update(skip_locked=True)[:limit])
    again = now + timedelta(seconds=INTERVAL)
    Service.objects.filter(pk__in=[row.pk for row in taken]).update(next_observe_at=again)
    return taken


@transaction.atomic
def record(service: Service, seen: Observation, now: datetime) -> None:
    """Write down what a service runs."""
    fields = {
        "observed_digest": seen.digest or "",
        "observed_health": seen.health,
        "observed_detail": seen.detail,
        "observed_drift": seen.drift,
    }
    changed = any(getattr(service, name) != value for name, value in fields.items())
    Service.objects.filter(pk=service.pk).update(observed_at=now, **fields)
    if changed:
        hints.changed()


def record_failure(service: Service, reason: str) -> None:
    """Write down that nobody can tell what a service runs."""
    Service.objects.filter(pk=service.pk).update(observed_health=Health.UNKNOWN, observed_detail=reason)
    hints.changed()
