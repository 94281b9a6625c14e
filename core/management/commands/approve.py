"""Approve jobs."""

from __future__ import annotations

from django.contrib.auth.models import User

from core.management.job_commands import JobCommand
from core.models import Job
from core.services import jobs


class Command(JobCommand):
    help = (
        "Let jobs start that wait for approval because their level is at or above the confirmation threshold. "
        "Who did it and why is recorded. Exit status 1 if a job does not exist or does not wait; the others are approved."
    )
    done = "Approved"

    def act(self, job: Job, user: User, *, reason: str) -> None:
        jobs.approve(job, user, reason=reason)
