"""Sentences: why something waits, and what would make it go on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from core.states import JobKind, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """What is known of a job that waits.

    :param hold: who holds it still and why, in a sentence without its stop.
    :param reason: what was written on it when it was put back: an error that may pass, a gate.
    """

    id: int
    kind: JobKind
    level: Level
    approved: bool
    reason: str = ""
    not_before: datetime | None = None
    pool: str = ""
    hold: str = ""


def needs_approval(level: Level, threshold: Level | None, *, approved: bool) -> bool:
    """Whether an operation waits for a person: its level is at or above the threshold. None asks for nobody."""
    return threshold is not None and level >= threshold and not approved


def why_queued(job: QueuedJob, *, threshold: Level | None, now: datetime, runners: int, pool_full: bool) -> str:
    """Say in one sentence why a job waits, and what would make it go on."""
    if needs_approval(job.level, threshold, approved=job.approved):
        assert threshold is not None
        return (
            f"Waits for approval: it is {job.level.word}, and operations that are {threshold.word} or more ask first. "
            f"Approve it on its page or with `manage.py approve {job.id}`."
        )
    if job.hold:
        return f"{job.hold}. It goes on when that is lifted, on the page of the service or with `manage.py unlock`."
    if job.not_before and job.not_before > now:
        reason = job.reason.rstrip(".") or "It is put off"
        return f"{reason}. Tried again at {_moment(job.not_before, now)} UTC."
    if not runners:
        return "Waits for a runner: none is alive. Start one with `manage.py run_runner` or `manage.py run_pipeline`."
    if pool_full:
        return f"Waits for a free place: all {job.pool} places are taken by jobs that came first or matter more."
    return "Is about to start."


def _moment(then: datetime, now: datetime) -> str:
    """When, with the day unless it is today."""
    then, today = then.astimezone(UTC), now.astimezone(UTC).date()
    return f"{then:%H:%M:%S}" if then.date() == today else f"{then:%Y-%m-%d %H:%M:%S}"
