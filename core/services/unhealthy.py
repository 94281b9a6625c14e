"""Releases that a service did not stay healthy with: marking them, and lifting the mark.

The mark is the deployment itself that showed it (`Deployment.unhealthy`): its digest is not tried again for the service
and the commit, whatever else makes it deployable anew, before a person asks for it or it is found to be well.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from core import clock
from core.models import Deployment, Release, Service
from core.services import activities


def marks() -> QuerySet[Deployment]:
    """The deployments whose releases are not tried again by themselves."""
    return Deployment.objects.filter(lifted_at=None).exclude(unhealthy="")


def mark(deployment: int, found: str) -> None:
    """Write down what was wrong with a service after its move."""
    Deployment.objects.filter(pk=deployment).update(unhealthy=found)


def is_well(deployment: Deployment) -> None:
    """Write down that a service is well with what it was moved to: what was found before counts no longer."""
    marks().filter(service=deployment.service_id, digest=deployment.digest).update(lifted_at=clock.now())


def lift(service: Service, digest: str, user: User | None, *, reason: str = "") -> None:
    """Have a digest tried again, as a person asks for it. Call it in the transaction that has it tried."""
    for row in marks().filter(service=service, digest=digest):
        row.lifted_at, row.lifted_by = clock.now(), user
        row.save(update_fields=["lifted_at", "lifted_by"])
        activities.record(user, "lifted the mark of", row, reason=reason)


def held_back(service: Service, commit: int) -> Release | None:
    """The newest release of a commit that is not tried because of a mark, where its own deployment was not the one."""
    digests = marks().filter(service=service, release__commit=commit).values("digest")
    newest = service.target.releases.filter(commit=commit, digest__in=digests).order_by("-pk").first()
    return None if newest is None or newest.deployments.filter(service=service, drift="").exists() else newest
