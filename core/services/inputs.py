"""Reading inputs whose value is believed no longer."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from core.errors import ConfigurationError
from core.models import Input, Job
from core.plugins import plugins
from core.services import jobs
from core.services.scope import Scope
from core.states import JobKind, Level


def queue_due(now: datetime, scope: Scope) -> int:
    """Queue a reading of each input that is due; answer how many."""
    due = Input.objects.filter(scope.inputs(), next_read_at__lte=now, retired_at=None)
    # A transaction would keep all others from writing, on SQLite, for nothing.
    return _queue_all(due) if due.exists() else 0


@transaction.atomic
def _queue_all(due: QuerySet[Input]) -> int:
    count = 0
    for row in due.select_for_update(no_key=True, skip_locked=True, of=("self",)).select_related("flavour"):
        if not Job.objects.active().filter(exclusive=_exclusive(row)).exists():
            _queue(row)
            count += 1
    return count


def _queue(row: Input) -> Job:
    return jobs.queue(
        JobKind.INPUT,
        fingerprint=_exclusive(row),
        exclusive=_exclusive(row),
        flavour=row.flavour,
        title=f"input {row.name}",
        level=_level(row),
        priority=5,
        pool="",
        input=row,
    )


def _exclusive(row: Input) -> str:
    return f"input:{row.pk}"


def _level(row: Input) -> Level:
    try:
        return plugins.input_reader(row.reader).level
    except ConfigurationError:
        return Level.MOSTLY_HARMLESS
