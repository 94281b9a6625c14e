"""Put right what a service runs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from core.management.acting import ServiceCommand
from core.models import Service
from core.services import requests


class Command(ServiceCommand):
    help = (
        "Move a service that has drifted to what it should run: what its latest deployment moved it to, and, as far as its "
        "deployer knows that, as it was then. `status --problems` tells what has drifted. Follow it with "
        "`manage.py logs -f`."
    )

    def act_on(self, service: Service, user: User, *, reason: str = "", **_: Any) -> str:
        job = requests.put_right(service, user, reason=reason)
        return f"Queued as job {job.pk}: {job.title}"
