"""Have a service go back to an older release."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from core.errors import ConfigurationError
from core.management.acting import ServiceCommand
from core.models import Release, Service
from core.services import requests


class Command(ServiceCommand):
    help = (
        "Have a service go back to an older release: the one before what it runs, or that of a commit. It stays there "
        "until its branch moves on, or until `rollback SERVICE --lift`."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        which = parser.add_mutually_exclusive_group()
        which.add_argument("--to", default="", metavar="COMMIT", help="the beginning of a commit's hash")
        which.add_argument("--lift", action="store_true", help="follow its branch again")

    def act_on(
        self, service: Service, user: User, *, reason: str = "", to: str = "", lift: bool = False, **_: Any
    ) -> str:
        if lift:
            requests.lift_rollback(service, user, reason=reason)
            return f"{service} follows {service.target.branch} again."
        release = _release(service, to) if to else _before(service)
        requests.roll_back(service, release, user, reason=reason)
        return f"{service} goes back to {release.commit.short} {release.commit.title}".rstrip()


def _release(service: Service, commit: str) -> Release:
    rows = (
        Release.objects.filter(target=service.target)
        .filter(image_removed_at=None)
        .exclude(digest="")
        .select_related("commit")
    )
    found = list(rows.filter(commit__hash__startswith=commit.lower())[:2])
    if len(found) == 1:
        return found[0]
    known = ", ".join(row.commit.short for row in rows[:10]) or "none"
    many = "several commits begin" if found else "no release is of a commit that begins"
    raise ConfigurationError(f"{many} with {commit!r}; the newest releases of {service} are of {known}")


def _before(service: Service) -> Release:
    """What it ran before what it runs now."""
    moves = service.deployments.filter(job__state="succeeded").select_related("release__commit")
    for move in moves:
        if move.release_id != service.current_id and move.digest:
            return move.release
    raise ConfigurationError(f"{service} has run nothing else yet: there is nothing to go back to")
