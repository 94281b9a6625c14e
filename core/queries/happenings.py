"""What happened since one last asked: jobs that moved, and what was done by people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core import clock
from core.models import Activity, Job
from core.queries import waiting

#: How far back it is told how jobs ended, at most.
_LONGEST = timedelta(hours=1)
#: A transaction may be committed after one that finished later: looked back so far.
_OVERLAP = timedelta(seconds=10)


@dataclass(slots=True)
class Told:
    """What somebody has been told: the last activity, until when, and the state and reason of each job then."""

    activity: int
    until: datetime
    jobs: Mapping[int, tuple[str, str]] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """From which to go on: for `from_mark`."""
        return f"{self.activity}-{int(self.until.timestamp() * 1000)}"


def from_mark(mark: str) -> Told:
    """Where somebody left off. Who has no mark, or none of ours, is told of what is active and what comes."""
    now = clock.now()
    activity, _, until = mark.partition("-")
    if all(word.isascii() and word.isdigit() and len(word) < 16 for word in (activity, until)):
        then = min(now.timestamp(), int(until) / 1000)
        return Told(int(activity), max(datetime.fromtimestamp(then, tz=now.tzinfo), now - _LONGEST))
    newest = Activity.objects.order_by("-pk").values_list("pk", flat=True).first()
    return Told(newest or 0, now)


def since(told: Told) -> tuple[list[tuple[Job, str]], list[Activity], Told]:
    """Jobs whose state or reason is another than what was told, with the reason; activities; and what is told by now.

    What is told is states, not moves: of a job that moved twice meanwhile, the last. No job's end is left out.
    """
    now = clock.now()
    activities = list(Activity.objects.filter(pk__gt=told.activity).select_related("user").order_by("pk")[:500])
    jobs = {job.pk: job for job in _rows(told)}
    reasons = waiting.reasons(jobs.values(), now)
    states = {key: (job.state, reasons[key]) for key, job in jobs.items()}
    changed = [(job, reasons[key]) for key, job in sorted(jobs.items()) if told.jobs.get(key) != states[key]]
    return changed, activities, Told(activities[-1].pk if activities else told.activity, now, states)


def _rows(told: Told) -> Iterable[Job]:
    rows = Job.objects.select_related("flavour", "repository", "commit", "approved_by")
    yield from rows.active()
    yield from rows.filter(finished_at__gte=told.until - _OVERLAP)
