"""Probes: a question is asked, a runner takes it up and answers, and after a day it is forgotten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from core import hiding
from core.models import Probe
from core.services import hints

#: Seconds after which whoever asked is told that nobody answered.
DEADLINE = 30
#: For so long an answer is given again to who asks the same.
_FRESH = timedelta(seconds=60)
#: An error is asked about again sooner: whoever reads it mends it and looks again.
_FRESH_ERROR = timedelta(seconds=5)
_KEPT = timedelta(days=1)


def ask(question: Mapping[str, Any], user: User, now: datetime) -> Probe:
    """Ask a question, or find the same that this person asked just now."""
    key = sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    good = Q(asked_at__gt=now - _FRESH) & (Q(error="") | Q(answered_at__gt=now - _FRESH_ERROR))
    in_time = Q(answered_at__isnull=False) | Q(asked_at__gt=now - timedelta(seconds=DEADLINE))
    if same := Probe.objects.filter(good, in_time, key=key, asked_by=user).first():
        return same
    row = Probe.objects.create(question=dict(question), key=key, asked_by=user, asked_at=now)
    hints.changed()
    return row


def claim(now: datetime, *, limit: int) -> list[Probe]:
    """Take the questions that nobody has in hand and somebody may still wait for."""
    asked_since = now - timedelta(seconds=DEADLINE)
    free = Q(lease_until=None) | Q(lease_until__lt=now)
    due = Probe.objects.filter(free, answered_at=None, asked_at__gt=asked_since)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    if not limit or not due.exists():
        return []
    with transaction.atomic():
        taken = list(due.select_for_update(no_key=True, skip_locked=True)[:limit])
        until = now + timedelta(seconds=DEADLINE)
        Probe.objects.filter(pk__in=[row.pk for row in taken]).update(lease_until=until)
    return taken


def answer(probe: Probe, told: Mapping[str, Any], now: datetime) -> None:
    """Write down what was found."""
    Probe.objects.filter(pk=probe.pk).update(answer=dict(told), answered_at=now, error="")
    hints.changed()


def fail(probe: Probe, reason: str, now: datetime) -> None:
    """Write down why nothing could be found."""
    Probe.objects.filter(pk=probe.pk).update(error=hiding.hidden(reason), answered_at=now)
    hints.changed()


def forget_old(now: datetime) -> None:
    """Forget the questions that nobody waits for any more."""
    Probe.objects.filter(asked_at__lt=now - _KEPT).delete()
