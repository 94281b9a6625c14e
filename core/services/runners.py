"""Runner processes: coming, staying alive, being drained, going, and being missed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Q

from core.errors import RefusedError
from core.models import Repository, Runner
from core.services import activities, hints, jobs, processes


def register(name: str, host: str, process: int, boot: str, now: datetime, lease: timedelta | None = None) -> None:
    """Write down that a runner has started.

    :param lease: how long it counts as alive without a further sign.
    """
    processes.register(Runner, name, host, process, boot, now, lease)


def renew(
    name: str, now: datetime, lease: timedelta, held: Collection[int], vitals: Mapping[str, Any] | None = None
) -> bool:
    """Say that a runner is alive, and keep the jobs that it has in hand. False where its row is gone: it registers anew."""
    known = processes.renew(Runner, name, now, lease, vitals)
    jobs.renew(name, now, lease, held)
    return known


@dataclass(frozen=True, slots=True)
class Counted:
    """How many runners are alive: those that take what there is to do, and those that are being drained."""

    taking: int
    drained: int


def counted(now: datetime, lease: timedelta) -> Counted:
    """Count the runners that gave a sign within the last lease. One query."""
    rows = Runner.objects.filter(heartbeat_at__gte=now - lease, gone_at=None).order_by()
    found = rows.aggregate(
        taking=Count("pk", filter=Q(drain_at=None)), drained=Count("pk", filter=Q(drain_at__isnull=False))
    )
    return Counted(**found)


def alive(now: datetime, lease: timedelta) -> int:
    """How many runners gave a sign within the last lease."""
    found = counted(now, lease)
    return found.taking + found.drained


@transaction.atomic
def leave(names: Collection[str], now: datetime) -> int:
    """Forget runners that have ended in order; what they had in hand is free at once. Answers how many jobs that were."""
    freed = _free(names, now)
    Runner.objects.filter(name__in=names).delete()
    return freed


@transaction.atomic
def miss(names: Collection[str], now: datetime) -> int:
    """Note that runners have ended without a word; otherwise as `leave`. They are remembered for a while."""
    freed = _free(names, now)
    Runner.objects.filter(name__in=names, gone_at=None).update(gone_at=now)
    return freed


def _free(names: Collection[str], now: datetime) -> int:
    freed = jobs.take_back(names, now)
    Repository.objects.filter(look_runner__in=names).update(look_lease_until=None, look_runner="")
    return freed


def forget_gone(now: datetime, lease: timedelta) -> None:
    """Forget runners that are gone for long. Those of whom jobs are still to be taken back are kept till then."""
    processes.forget_gone(Runner, now, lease)


# Draining


@transaction.atomic
def drain(runner: Runner, user: User, *, reason: str, ends: bool = False) -> Runner:
    """Have a runner take nothing more; it finishes what it has in hand.

    :param ends: whether it ends then; otherwise it stays, idle, until it is stopped or that is undone.
    :raises RefusedError: it is gone, or being drained already.
    """
    row = _locked(runner)
    if row.drain_at:
        raise RefusedError(f"runner {row} is being drained already, by {row.drain_by}")
    row.drain_at, row.drain_by = processes.now(), user.get_username()
    row.drain_reason, row.drain_ends = reason, ends
    row.save(update_fields=["drain_at", "drain_by", "drain_reason", "drain_ends"])
    activities.record(user, "drained", row, reason=reason)
    hints.changed()
    return row


@transaction.atomic
def undrain(runner: Runner, user: User, *, reason: str = "") -> Runner:
    """Have a runner that is being drained take jobs again.

    :raises RefusedError: it is gone, or not being drained.
    """
    row = _locked(runner)
    if not row.drain_at:
        raise RefusedError(f"runner {row} is not being drained: it takes what there is to do")
    row.drain_at, row.drain_by, row.drain_reason, row.drain_ends = None, "", "", False
    row.save(update_fields=["drain_at", "drain_by", "drain_reason", "drain_ends"])
    activities.record(user, "undrained", row, reason=reason)
    hints.changed()
    return row


def _locked(runner: Runner) -> Runner:
    row = Runner.objects.select_for_update(no_key=True).filter(pk=runner.pk).first()
    if row is None or row.gone_at:
        raise RefusedError(f"runner {runner} is gone")
    return row


def is_drained(name: str) -> tuple[bool, bool]:
    """Whether a runner is to take nothing more, and whether it is to end when its hands are empty."""
    row = Runner.objects.filter(Q(name=name) & Q(drain_at__isnull=False)).values_list("drain_ends").first()
    return (True, row[0]) if row else (False, False)
