"""Approving jobs: for the confirmation threshold, and for the gates that count approvals. One act does both."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from core import clock
from core.errors import RefusedError
from core.models import Approval, Deployment, Job
from core.services import activities, gates, hints
from core.states import JobKind, JobState


@transaction.atomic
def approve(job: Job, user: User, *, reason: str = "", confirms: bool = True) -> None:
    """Let a job start although its level is at or above the threshold, and count for the gates that wait for approvals.

    Who approved it already need not do so again.

    :param confirms: whether the person has the role that the threshold asks for; gates judge for themselves.
    :raises RefusedError: it does not wait, or somebody else was quicker and no gate waits for more.
    """
    # Not together with who approved it: a row that was waited for is read anew, those joined to it are not.
    row = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    wanted = row.state == JobState.QUEUED and _wanted(row)
    if row.approved_by is not None and row.approved_by != user and not wanted:
        raise RefusedError(f"job {row.pk} was approved already, by {row.approved_by.get_username()}")
    if row.state != JobState.QUEUED:
        raise RefusedError(f"job {row.pk} cannot be approved: it does not wait, it is {row.state}")
    if row.approvals.filter(user=user, withdrawn_at=None).exists() or (row.approved_by == user and not wanted):
        return
    if not confirms and not wanted:
        raise RefusedError(f"job {row.pk} does not wait for your approval")
    Approval.objects.create(job=row, user=user, reason=reason, confirms=confirms)
    if confirms and row.approved_by is None:
        row.approved_at, row.approved_by = clock.now(), user
        row.save(update_fields=["approved_at", "approved_by"])
    activities.record(user, "approved", row, reason=reason)
    gates.ask_again(Deployment.objects.filter(job=row))
    hints.changed()


@transaction.atomic
def take_back(job: Job, user: User, *, reason: str = "") -> None:
    """Take one's own approval of a job back before it has started.

    :raises RefusedError: it has started, or the person did not approve it.
    """
    row = Job.objects.select_for_update(no_key=True).get(pk=job.pk)
    if row.state != JobState.QUEUED:
        raise RefusedError(f"the approval of job {row.pk} cannot be taken back: it does not wait, it is {row.state}")
    mine = row.approvals.filter(user=user, withdrawn_at=None).first()
    if mine is None:
        raise RefusedError(f"{user.get_username()} has not approved job {row.pk}")
    mine.withdrawn_at = clock.now()
    mine.save(update_fields=["withdrawn_at"])
    if row.approved_by == user:
        other = row.approvals.filter(withdrawn_at=None, confirms=True).select_related("user").first()
        row.approved_at, row.approved_by = (other.at, other.user) if other else (None, None)
        row.save(update_fields=["approved_at", "approved_by"])
    activities.record(user, "took back the approval of", row, reason=reason)
    gates.ask_again(Deployment.objects.filter(job=row))
    hints.changed()


def _wanted(job: Job) -> bool:
    """Whether a gate waits for approvals, or may: those that were not asked yet."""
    if job.kind != JobKind.DEPLOYMENT:
        return False
    deployment = job.deployment_of
    if deployment.gates_asked_at is None:
        return Deployment.objects.filter(gates.gated(), pk=deployment.pk).exists()
    return any(each.approvers for each in gates.holds(deployment))
