"""The jobs that failed lately, their logs, and what log rules say of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from core.errors import OperationError
from core.logs.diagnosis import Trial, try_out
from core.logs.rules import Rule
from core.logs.store import LogStore
from core.models import Job
from core.states import JobState

#: Jobs that are looked at, and seconds after which no further one is.
MOST, PATIENCE = 200, 5.0
#: Bytes at the end of each log.
WINDOW = 1 << 18
#: Days for which a failure is a recent one.
DAYS = 30


@dataclass(frozen=True, slots=True)
class Trials:
    """What a rule says of the jobs that failed lately.

    :param found: the jobs that it matches, the newest first, and what it says of each.
    :param read: how many logs were read.
    :param of: how many jobs there are.
    """

    found: Sequence[tuple[Job, Trial]]
    read: int
    of: int

    @property
    def left(self) -> int:
        """How many there was no time for."""
        return self.of - self.read


def lately(now: datetime, most: int = MOST) -> list[Job]:
    """The jobs that failed in the last 30 days, the newest first."""
    rows = (
        Job.objects.filter(state=JobState.FAILED, finished_at__gte=now - timedelta(days=DAYS))
        .exclude(log="")
        .filter(log_removed_at=None)
    )
    return list(rows.order_by("-pk")[:most])


def matches(now: datetime) -> dict[str, int]:
    """How many failures of the last 30 days each rule has named the cause of, by the name of the rule."""
    rows = Job.objects.filter(finished_at__gte=now - timedelta(days=DAYS)).exclude(rule="")
    return dict(rows.order_by().values("rule").annotate(count=Count("pk")).values_list("rule", "count"))


def try_on(rule: Rule, jobs: Sequence[Job], store: LogStore, *, patience: float = PATIENCE) -> Trials:
    """Try a rule on the ends of the logs of jobs."""
    read = []
    found = []
    for job, data, cut in _logs(jobs, store, time.monotonic() + patience):
        read.append(job)
        if trial := try_out(rule, data, cut=cut):
            found.append((job, trial))
    return Trials(found, len(read), len(jobs))


def _logs(jobs: Sequence[Job], store: LogStore, deadline: float) -> Iterator[tuple[Job, bytes, bool]]:
    for job in jobs:
        if time.monotonic() > deadline:
            return
        with contextlib.suppress(OperationError):
            start = max(0, store.size(job.log) - WINDOW)
            yield job, store.read(job.log, start, WINDOW), start > 0
