"""Cancel jobs."""

from __future__ import annotations

from django.contrib.auth.models import User

from core.management.job_commands import JobCommand
from core.models import Job
from core.services import jobs


class Command(JobCommand):
    help = (
        "Cancel jobs: at once those that wait, as soon as its runner hears of it one that runs. A cancelled operation is "
        "not started again by itself. Who did it and why is recorded. "
        "Exit status 1 if a job does not exist or is over; the others are cancelled."
    )
    done = "Cancelled"
    needs_reason = True

    def act(self, job: Job, user: User, *, reason: str) -> None:
        jobs.cancel(job, user, reason=reason)
