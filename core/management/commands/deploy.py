"""Deploy a service once more."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from core.management.acting import ServiceCommand
from core.models import Service
from core.services import requests


class Command(ServiceCommand):
    help = (
        "Deploy once more what a service was moved to last: to start it anew, or to try again a release that it did not "
        "stay healthy with. What was changed by hand is put back by `put_right`. "
        "A new commit needs no command: push it to the service's branch. Follow it with `manage.py logs -f`."
    )

    def act_on(self, service: Service, user: User, *, reason: str = "", **_: Any) -> str:
        job = requests.redeploy(service, user, reason=reason)
        return f"Queued as job {job.pk}: {job.title}"
