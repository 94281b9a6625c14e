"""What django-q2 does at regular times: it asks for looks, and never does more than that.

The schedules are rows that anybody may edit in the admin. Nothing depends on them but punctuality: a runner looks by
itself, more slowly (`core.services.heads.SLOW`), and `late` tells when they have stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q
from django_q.models import Schedule, Task

from core import clock
from core.models import Repository, Service
from core.services import calls, declarations, deliveries, heads, hints, identities, probes, tidyings

#: Seconds after its time at which a schedule counts as late: django-q2 looks every 30 s.
_LATE = 150
#: Seconds by which a look may come too early: half of the time between two runs of the schedule. What is due a moment
#: after one would otherwise wait for the next.
_EARLY = 30

_SCHEDULES: dict[str, tuple[str, str, int]] = {
    "Poll heads": ("core.engine.schedules.poll_heads", Schedule.MINUTES, 1),
    "Look at services": ("core.engine.schedules.observe_services", Schedule.MINUTES, 5),
    "Evaluate everything": ("core.engine.schedules.sweep", Schedule.HOURLY, 0),
    "Tidy up": ("core.engine.schedules.tidy_up", Schedule.DAILY, 0),
}


def install() -> None:
    """Make the schedules that do not exist yet; those that somebody edited stay as they are."""
    for name, (function, kind, minutes) in _SCHEDULES.items():
        Schedule.objects.get_or_create(
            name=name, defaults={"func": function, "schedule_type": kind, "minutes": minutes or None, "repeats": -1}
        )


def late(now: datetime) -> list[str]:
    """The schedules that should have run and did not: the qcluster is not alive."""
    rows = Schedule.objects.filter(name__in=_SCHEDULES, next_run__lt=now - timedelta(seconds=_LATE))
    return list(rows.exclude(repeats=0).order_by("name").values_list("name", flat=True))


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule: how often it runs in words, and when; `late` when it should have run and did not.

    :param last: None where it did not run yet, or nobody remembers.
    """

    name: str
    often: str
    last: datetime | None
    next: datetime
    off: bool
    late: bool


def planned(now: datetime) -> list[Planned]:
    """The schedules, by name."""
    behind = set(late(now))
    # django-q2 keeps some hundred tasks that were done, by the name of their schedule.
    ran = dict(Task.objects.order_by().values("group").annotate(last=Max("stopped")).values_list("group", "last"))
    return [
        Planned(row.name, _often(row), ran.get(row.name), row.next_run, row.repeats == 0, row.name in behind)
        for row in Schedule.objects.order_by("name")
    ]


def _often(row: Schedule) -> str:
    if row.schedule_type != Schedule.MINUTES:
        return str(row.get_schedule_type_display()).lower()
    return "every minute" if row.minutes == 1 else f"every {row.minutes} minutes"


def poll_heads() -> int:
    """Ask for a look at every repository whose regular interval has passed, or all but; answer how many those were."""
    now = clock.now()
    rows = Repository.objects.filter(retired_at=None, look_failures=0, look_lease_until=None, next_look_at__gt=now)
    rows = rows.filter(Q(poll_after=None) | Q(poll_after__lte=now))
    due = [row for row in rows if row.looked_at is None or row.looked_at + _interval(row) <= now]
    if due:
        heads.ask(due, now)
    return len(due)


def _interval(row: Repository) -> timedelta:
    return timedelta(seconds=row.poll - min(_EARLY, row.poll / 2))


def observe_services() -> int:
    """Ask for a look at every service that was deployed."""
    rows = Service.objects.filter(retired_at=None, current__isnull=False)
    count = rows.update(next_observe_at=clock.now())
    hints.changed()
    return count


def tidy_up() -> str:
    """Ask for what nobody needs any more to be removed."""
    return str(tidyings.ask(clock.now()))


@transaction.atomic
def sweep() -> int:
    """Have everything evaluated again, in case a change was written by something that is not ours; tidy up."""
    rows = list(Repository.objects.filter(retired_at=None))
    for row in rows:
        # One at a time and its row first, as a reconciliation does: both would otherwise wait for each other.
        with transaction.atomic():
            Repository.objects.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
            declarations.reevaluate(row)
    deliveries.forget_old(clock.now())
    identities.forget_ended_sessions()
    calls.forget_old(clock.now())
    probes.forget_old(clock.now())
    return len(rows)
