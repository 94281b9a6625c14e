"""Services: what runs, going back, going forward again."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime, Field

from core.errors import RefusedError
from core.models import GateException, Release, Service
from core.queries import gates, running
from core.rest.exceptions import ExceptionOut
from core.rest.jobs import JobOut, job
from core.rest.values import (
    ExceptionAsked,
    GateHoldOut,
    HoldAsked,
    HoldOut,
    Name,
    Page,
    PageAsked,
    PauseAsked,
    Reason,
    ReasonNeeded,
    builder,
    person,
    signed_in,
)
from core.services import exceptions, holds, requests, standing
from core.services.scope import Scope
from core.states import HoldKind

router = Router(tags=["services"])

_STANDING = "Where the service stood when this was decided (see `standing`): nothing is done if it has moved on."


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


class HealthCheckOut(Schema):
    """How a service is asked from outside whether it is well. An empty `uri`: by the service's own."""

    uri: str
    path: str
    status: int
    text: str
    timeout: int
    interval: int
    grace: int
    redirects: int
    verify: bool


class UnhealthyReleaseOut(Schema):
    """A release that the service did not stay healthy with, and what was found. Who deploys it again lifts that."""

    deployment: int
    release: int
    commit: str
    digest: str
    found: str
    at: datetime


class ServiceOut(Schema):
    """A service. `runs` is what it was last moved to; `reason` says why it is not done; `drift`: what was changed since.

    `rollout` is its target's; `position` is where it comes among the target's services, from 1; `soak`: seconds that it
    is watched after its move. `hold`: what keeps it from being moved. `unhealthy`: what is not tried again by itself.
    `drift_policy` is `off`, `ask` or `heal`, and `drift_outlook` says what becomes of the drift there is. `gates` stand
    before it, `held_by` are those that hold its deployment that waits, `exceptions` says who lets its deployments
    through one.
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
    drift_policy: str
    drift_outlook: str
    check: HealthCheckOut | None
    unhealthy: list[UnhealthyReleaseOut]
    rollout: str
    soak: int
    position: int
    hold: HoldOut | None
    gates: list[str]
    held_by: list[GateHoldOut]
    exceptions: list[str]


class ServiceExceptionAsked(ExceptionAsked):
    """Which gate every deployment of the service is to be let through, until when, and why."""

    until: AwareDatetime


class RollBack(ReasonNeeded):
    """Which release to go back to, and why."""

    release: int
    standing: Name = Field("", description=_STANDING)


class Redeploy(Reason):
    """Why it is to be deployed once more."""

    standing: Name = Field("", description=_STANDING)


class StandingAsked(Schema):
    """The release that a service may be moved to; none where it is to be deployed once more."""

    release: int | None = Field(None, ge=1, le=2**63 - 1)


class StandingOut(Schema):
    """Where a service stands, in one word: what it runs, its newest deployment, its branch's head, its rollback."""

    standing: str


@router.get("", response=Page[ServiceOut], summary="The services in use, by repository and name")
def services(
    request: HttpRequest, page: Query[PageAsked], flavour: Name = "", repository: Name = ""
) -> dict[str, object]:
    items, next = page.by(running.in_use(Scope(flavour, repository)), *running.IN_ORDER)
    return {"items": running.values(items), "next": next}


@router.get("/{int:id}", response=ServiceOut, summary="A service")
def service(request: HttpRequest, id: int) -> running.ServiceNow:
    return running.service(id)


@router.get(
    "/{int:id}/standing",
    response=StandingOut,
    summary="Where it stands, so that nothing is done about what was overtaken",
    description="With a `release`: for going back to that one; without: for deploying once more.",
)
def where_it_stands(request: HttpRequest, id: int, asked: Query[StandingAsked]) -> dict[str, str]:
    release = Release.objects.get(pk=asked.release) if asked.release else None
    return {"standing": standing.of(Service.objects.get(pk=id), release)}


@router.post("/{int:id}/roll-back", response=ServiceOut, auth=signed_in, summary="Go back to an older release")
def roll_back(request: HttpRequest, id: int, body: RollBack) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    release = Release.objects.select_related("commit").get(pk=body.release)
    requests.roll_back(row, release, user, reason=body.reason, confirmed=body.standing)
    return running.service(id)


@router.post("/{int:id}/lift-rollback", response=ServiceOut, auth=signed_in, summary="Follow its branch again")
def lift_rollback(request: HttpRequest, id: int, body: Reason) -> running.ServiceNow:
    row = _row(id)
    requests.lift_rollback(row, builder(request, row.target.recipe.repository.flavour), reason=body.reason)
    return running.service(id)


@router.post(
    "/{int:id}/redeploy", response={201: JobOut}, auth=signed_in, summary="Deploy what it was moved to last once more"
)
def redeploy(request: HttpRequest, id: int, body: Redeploy) -> tuple[int, JobOut]:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    return 201, job(request, requests.redeploy(row, user, reason=body.reason, confirmed=body.standing).pk)


@router.post(
    "/{int:id}/put-right", response={201: JobOut}, auth=signed_in, summary="Put back what was changed by others"
)
def put_right(request: HttpRequest, id: int, body: Reason) -> tuple[int, JobOut]:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    return 201, job(request, requests.put_right(row, user, reason=body.reason).pk)


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
    holds.lift(holds.of_service(row, HoldKind.LOCK), user, reason=body.reason)
    return running.service(id)


@router.post("/{int:id}/pause", response=ServiceOut, auth=signed_in, summary="Have it follow its branch no further")
def pause(request: HttpRequest, id: int, body: PauseAsked) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    holds.pause(row, user, reason=body.reason, until=body.until)
    return running.service(id)


@router.post("/{int:id}/unpause", response=ServiceOut, auth=signed_in, summary="Lift its pause")
def unpause(request: HttpRequest, id: int, body: Reason) -> running.ServiceNow:
    row = _row(id)
    user = builder(request, row.target.recipe.repository.flavour)
    holds.lift(holds.of_service(row, HoldKind.PAUSE), user, reason=body.reason)
    return running.service(id)


@router.post(
    "/{int:id}/grant-exception",
    response=list[ExceptionOut],
    auth=signed_in,
    summary="Let every deployment of it through a gate for a time",
)
def grant_exception(request: HttpRequest, id: int, body: ServiceExceptionAsked) -> list[GateException]:
    row, user = _row(id), person(request)
    standing = gates.chosen(row, body.gate, holding=None)
    gates.require_granter(user, row, standing)
    if not standing:
        raise RefusedError(f"no gate {body.gate!r} stands before {row}")
    return exceptions.grant(row, standing, user, reason=body.reason, until=body.until)


def _row(id: int) -> Service:
    return Service.objects.select_related("target__recipe__repository__flavour").get(pk=id)
