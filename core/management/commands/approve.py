"""Approve jobs."""

from __future__ import annotations

from django.contrib.auth.models import User

from core.management.job_commands import JobCommand
from core.models import Job
from core.services import approvals


class Command(JobCommand):
    help = (
        "Approve jobs: let those start that wait because their level is at or above the confirmation threshold, and count "
        "for gates that wait for approvals, if --user has the role that these ask for. "
        "Who did it and why is recorded; `take_back_approval` undoes it before the job starts. Exit status 1 "
        "if a job does not exist or does not wait; the others are approved."
    )
    done = "Approved"

    def act(self, job: Job, user: User, *, reason: str) -> None:
        approvals.approve(job, user, reason=reason)
