"""What is told of jobs to the source of their commit."""

from __future__ import annotations

from collections.abc import Sequence

from core import clock
from core.models import Flavour, Job
from core.pipeline.deployability import JobFact
from core.queries import waiting
from core.values import Annotation


def of_jobs(flavour: Flavour, keys: Sequence[int]) -> dict[int, JobFact]:
    """What there is to tell of jobs, by their keys."""
    if not keys:
        return {}
    rows = list(Job.objects.filter(pk__in=keys).select_related("flavour"))
    reasons = waiting.reasons(rows, clock.now())
    return {row.pk: _fact(flavour, row, reasons[row.pk]) for row in rows}


def _fact(flavour: Flavour, job: Job, reason: str) -> JobFact:
    return JobFact(
        url=f"{flavour.address}/jobs/{job.pk}/",
        reason=reason,
        cause=job.cause,
        excerpt=job.excerpt,
        places=[Annotation(**place, title=job.cause) for place in job.places],
        started_at=job.started_at,
        finished_at=job.finished_at,
    )
