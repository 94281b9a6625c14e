"""Sentences: why something waits, and what would make it go on. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.pipeline.gates import moment
from core.states import JobKind, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """What is known of a job that waits.

    :param hold: who holds it still and why, in a sentence without its stop; `lifted_by`: the command that ends that.
    :param gates: what gates say that hold it, a sentence each.
    :param unasked: it stands before gates that were not asked yet.
    :param reason: what was written on it when it was put back: an error that may pass.
    """

    id: int
    kind: JobKind
    level: Level
    approved: bool
    reason: str = ""
    not_before: datetime | None = None
    pool: str = ""
    hold: str = ""
    lifted_by: str = ""
    gates: Sequence[str] = ()
    unasked: bool = False


def needs_approval(level: Level, threshold: Level | None, *, approved: bool) -> bool:
    """Whether an operation waits for a person: its level is at or above the threshold. None asks for nobody."""
    return threshold is not None and level >= threshold and not approved


def why_queued(
    job: QueuedJob, *, threshold: Level | None, now: datetime, runners: int, pool_full: bool, drained: int = 0
) -> str:
    """Say why a job waits, and what would make it go on: all that holds it, or in one sentence what else it waits for.

    :param runners: how many are alive and take jobs; `drained`: how many are alive and take none.
    """
    held = []
    if needs_approval(job.level, threshold, approved=job.approved):
        assert threshold is not None
        held.append(
            f"Waits for approval: it is {job.level.word}, and operations that are {threshold.word} or more ask first. "
            f"Approve it on its page or with `manage.py approve {job.id}`."
        )
    if job.hold:
        held.append(f"{job.hold}. It goes on when that is lifted, on its page or with `manage.py {job.lifted_by}`.")
    if held or job.gates:
        return " ".join([*held, *job.gates])
    if job.not_before and job.not_before > now:
        reason = job.reason.rstrip(".") or "It is put off"
        return f"{reason}. Tried again at {moment(job.not_before, now)} UTC."
    if not runners and drained:
        many = "the one that is alive is" if drained == 1 else f"all {drained} that are alive are"
        return (
            f"Waits for a runner: {many} being drained. Start another one, or have one take jobs again on the page of the "
            "processes or with `manage.py undrain`."
        )
    if not runners:
        return "Waits for a runner: none is alive. Start one with `manage.py run_runner` or `manage.py run_pipeline`."
    if job.unasked:
        return "Waits for its gates to be asked, which takes a moment."
    if pool_full:
        return f"Waits for a free place: all {job.pool} places are taken by jobs that came first or matter more."
    return "Is about to start."
