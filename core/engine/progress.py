"""Following what happens, as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from core.models import Job, Repository
from core.services.scope import Scope
from core.states import JobKind, JobState


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened.

    :param mark: `start`, `good`, `bad`, `wait` or `note`.
    :param important: worth telling where nobody watches a terminal.
    """

    mark: str
    text: str
    important: bool = False


class Progress:
    """Remembers what was told; `news` tells what changed since."""

    def __init__(self, scope: Scope, since: datetime) -> None:
        self._scope = scope
        self._since = since
        self._told: dict[int, tuple[str, str]] = {}
        self._errors: dict[int, str] = {}

    def news(self) -> Iterator[Line]:
        """What happened since the last call, oldest first."""
        yield from self._looks()
        recent = Q(finished_at__gte=self._since) | Q(finished_at=None)
        for job in Job.objects.filter(self._scope.jobs(), recent).select_related("flavour").order_by("pk"):
            seen = (job.state, job.reason)
            if self._told.get(job.pk) != seen:
                self._told[job.pk] = seen
                yield _of_job(job)

    def _looks(self) -> Iterator[Line]:
        rows = Repository.objects.filter(self._scope.repositories(), retired_at=None)
        for pk, name, error in rows.values_list("pk", "name", "look_error"):
            if self._errors.get(pk, "") != error:
                self._errors[pk] = error
                yield (
                    Line("bad", f"{name}: {error}", important=True) if error else Line("good", f"{name} answers again")
                )


def _of_job(job: Job) -> Line:
    deployment = job.kind == JobKind.DEPLOYMENT
    because = f": {job.reason}" if job.reason else ""
    match JobState(job.state):
        case JobState.QUEUED:
            asks = job.flavour.threshold_now is not None and job.approved_at is None
            return Line("wait" if asks or job.reason else "start", f"{job.title} waits{because}")
        case JobState.RUNNING:
            return Line("start", f"{job.title} …")
        case JobState.SUCCEEDED:
            return Line("good", f"{job.title} {_took(job)}", important=deployment)
        case JobState.FAILED:
            return Line("bad", f"{job.title} failed{because} (job {job.pk})", important=True)
        case JobState.CANCELLED:
            return Line("note", f"{job.title} was cancelled{because}")


def _took(job: Job) -> str:
    if job.started_at is None or job.finished_at is None:
        return "is done"
    return f"took {(job.finished_at - job.started_at).total_seconds():.1f} s"
