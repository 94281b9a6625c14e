"""Take approvals of jobs back."""

from __future__ import annotations

from django.contrib.auth.models import User

from core.management.job_commands import JobCommand
from core.models import Job
from core.services import approvals


class Command(JobCommand):
    help = (
        "Take your own approval of jobs back, before they have started. Whoever does it is --user, as with `approve`. "
        "Exit status 1 if a job does not exist, has started, or was not approved by that person."
    )
    done = "Took the approval back of"

    def act(self, job: Job, user: User, *, reason: str) -> None:
        approvals.take_back(job, user, reason=reason)
