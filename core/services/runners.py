"""Runner processes: coming, staying alive, going, and being missed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction

from core.models import Repository, Runner
from core.services import jobs


@transaction.atomic
def register(name: str, host: str, process: int, boot: str, now: datetime) -> None:
    """Write down that a runner has started."""
    Runner.objects.update_or_create(
        name=name, defaults={"host": host, "process": process, "boot": boot, "started_at": now, "heartbeat_at": now}
    )


def renew(name: str, now: datetime, lease: timedelta) -> None:
    """Say that a runner is alive, and keep what it has in hand."""
    Runner.objects.filter(name=name).update(heartbeat_at=now)
    jobs.renew(name, now, lease)


def alive(now: datetime, lease: timedelta) -> int:
    """How many runners gave a sign within the last lease."""
    return Runner.objects.filter(heartbeat_at__gte=now - lease).count()


@transaction.atomic
def leave(names: Collection[str], now: datetime) -> int:
    """Forget runners that are gone; what they had in hand is free at once. Answers how many jobs that were."""
    freed = jobs.take_back(names, now)
    Repository.objects.filter(look_runner__in=names).update(look_lease_until=None, look_runner="")
    Runner.objects.filter(name__in=names).delete()
    return freed
