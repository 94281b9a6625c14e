"""Why jobs are where they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from core import configuration
from core.models import Hold, Job
from core.pipeline.explain import QueuedJob, why_queued
from core.queries import gates
from core.services import holds, pools, runners
from core.services.runners import Counted
from core.states import HoldKind, JobKind, JobState, Level

#: The command that lifts each kind of hold.
_LIFTED_BY = {HoldKind.LOCK: "unlock", HoldKind.PAUSE: "unpause", HoldKind.FREEZE: "unfreeze"}


def reasons(jobs: Iterable[Job], now: datetime) -> dict[int, str]:
    """One sentence for each job: why it waits and what would make it go on, or how it ended. Empty where all is well.

    :param jobs: with their flavours.
    """
    alive = runners.counted(now, timedelta(seconds=configuration.current().lease_seconds))
    rows = list(jobs)
    full = pools.full({job.pool for job in rows if job.state == JobState.QUEUED and job.pool}, runners=alive.taking)
    deployments = [job for job in rows if job.state == JobState.QUEUED and job.kind == JobKind.DEPLOYMENT]
    held = holds.in_force(now).among(deployments) if deployments else {}
    gated = gates.holds_of(deployments, now)
    unasked = gates.unasked(deployments)
    return {
        job.pk: _reason(
            job,
            now,
            alive,
            job.pool in full,
            replace(
                _queued(job, held.get(job.pk)),
                gates=[each.sentence for each in gated.get(job.pk, ())],
                unasked=job.pk in unasked,
            ),
        )
        for job in rows
    }


def _reason(job: Job, now: datetime, runners: Counted, pool_full: bool, queued: QueuedJob) -> str:
    match job.state:
        case JobState.QUEUED:
            threshold = job.flavour.threshold_at(now)
            return why_queued(
                queued,
                threshold=threshold,
                now=now,
                runners=runners.taking,
                drained=runners.drained,
                pool_full=pool_full,
            )
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
        lifted_by=_LIFTED_BY[HoldKind(hold.kind)] if hold else "",
    )
