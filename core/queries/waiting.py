"""Why jobs are where they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from core import configuration
from core.models import Hold, Job
from core.pipeline.explain import QueuedJob, why_queued
from core.services import holds, pools, runners
from core.states import JobKind, JobState, Level


def reasons(jobs: Iterable[Job], now: datetime) -> dict[int, str]:
    """One sentence for each job: why it waits and what would make it go on, or how it ended. Empty where all is well.

    :param jobs: with their flavours.
    """
    alive = runners.alive(now, timedelta(seconds=configuration.current().lease_seconds))
    rows = list(jobs)
    full = pools.full({job.pool for job in rows if job.state == JobState.QUEUED and job.pool}, runners=alive)
    deployments = [job for job in rows if job.state == JobState.QUEUED and job.kind == JobKind.DEPLOYMENT]
    held = holds.in_force(now).among(deployments) if deployments else {}
    return {job.pk: _reason(job, now, alive, job.pool in full, held.get(job.pk)) for job in rows}


def _reason(job: Job, now: datetime, runners: int, pool_full: bool, hold: Hold | None) -> str:
    match job.state:
        case JobState.QUEUED:
            threshold = job.flavour.threshold_at(now)
            return why_queued(_queued(job, hold), threshold=threshold, now=now, runners=runners, pool_full=pool_full)
        case JobState.RUNNING if job.cancel_reason:
            return f"Is being cancelled: {job.cancel_reason}"
        case _:
            return job.reason


def _queued(job: Job, hold: Hold | None) -> QueuedJob:
    return QueuedJob(
        id=job.pk,
        kind=JobKind(job.kind),
        level=Level(job.level),
        approved=job.approved_at is not None,
        reason=job.reason,
        not_before=job.not_before,
        pool=job.pool,
        hold=hold.sentence.rstrip(".") if hold else "",
    )
