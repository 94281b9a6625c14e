"""Services: what runs, going back, going forward again."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from core.models import Hold, Release, Service
from core.queries import running
from core.rest.jobs import JobOut, job
from core.rest.values import HoldAsked, HoldOut, Name, Reason, ReasonNeeded, builder, signed_in
from core.services import holds, requests
from core.services.scope import Scope

router = Router(tags=["services"])


class ReleaseRunOut(Schema):
    """A release that a service runs or was sent back to, and since when."""

    id: int
    image: str
    digest: str
    commit: str
    since: datetime | None


class RollbackOut(Schema):
    """A person had the service go back; it holds until its branch moves or it is lifted."""

    release: ReleaseRunOut
    reason: str
    asked_by: str


class ServiceOut(Schema):
    """A service. `runs` is what it was last moved to; `reason` says why it is not done; `drift`: what was changed since.

    `rollout` and `soak` are its target's; `position` is where it comes among the target's services, from 1. `hold`: what
    keeps it from being moved.
    """

    id: int
    name: str
    host: str
    uri: str
    deployer: str
    flavour: str
    repository: str
    branch: str
    image: str
    status: str
    reason: str
    runs: ReleaseRunOut | None
    rollback: RollbackOut | None
    health: str
    seen: str
    seen_at: datetime | None
    drift: str
    rollout: str
    soak: int
    position: int
    hold: HoldOut | None


class RollBack(ReasonNeeded):
    """Which release to go back to, and why."""

    release: int


@router.get("", response=list[ServiceOut], summary="The services in use, by repository and name")
def services(request: HttpRequest, flavour: Name = "", repository: Name = "") -> list[running.ServiceNow]:
    return running.services(Scope(flavour, repository))


@router.get("/{int:id}", response=ServiceOut, summary="A service")
def service(request: HttpRequest, id: int) -> running.ServiceNow:
    return running.service(id)


@router.post("/{int:id}/roll-back", response=ServiceOut, auth=signed_in, summary="Go back to an older release")
def roll_back(request: HttpRequest, id: int, body: RollBack) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    release = Release.objects.select_related("commit").get(pk=body.release)
    requests.roll_back(row, release, user, reason=body.reason)
    return running.service(id)


@router.post("/{int:id}/lift-rollback", response=ServiceOut, auth=signed_in, summary="Follow its branch again")
def lift_rollback(request: HttpRequest, id: int, body: Reason) -> running.ServiceNow:
    row = _row(id)
    requests.lift_rollback(row, builder(request, row.target.recipe.repository.flavour), reason=body.reason)
    return running.service(id)


@router.post(
    "/{int:id}/redeploy", response={201: JobOut}, auth=signed_in, summary="Deploy what it was moved to last once more"
)
def redeploy(request: HttpRequest, id: int, body: Reason) -> tuple[int, JobOut]:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    return 201, job(request, requests.redeploy(row, user, reason=body.reason).pk)


@router.post("/{int:id}/lock", response=ServiceOut, auth=signed_in, summary="Have it stay as it is")
def lock(request: HttpRequest, id: int, body: HoldAsked) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    holds.lock(row, user, reason=body.reason, until=body.until)
    return running.service(id)


@router.post("/{int:id}/unlock", response=ServiceOut, auth=signed_in, summary="Lift its lock")
def unlock(request: HttpRequest, id: int, body: Reason) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    holds.lift(Hold.objects.get(service=row, lifted_at=None), user, reason=body.reason)
    return running.service(id)


def _row(id: int) -> Service:
    return Service.objects.select_related("target__recipe__repository__flavour").get(pk=id)
