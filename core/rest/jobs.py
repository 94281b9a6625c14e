"""Jobs, their logs, and what people do to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import Field
from pydantic_core import to_json

from core import clock
from core.errors import RefusedError
from core.models import Job, Service
from core.queries import gates, waiting
from core.queries.gates import GateHold
from core.queries.job_logs import JobLog
from core.rest.values import (
    ExceptionAsked,
    GateHoldOut,
    Name,
    Page,
    PageAsked,
    Reason,
    ReasonNeeded,
    builder,
    person,
    signed_in,
)
from core.services import approvals, exceptions, requests
from core.services import jobs as services
from core.states import JobKind, JobState, Level

router = Router(tags=["jobs"])


class ApprovalOut(Schema):
    """Somebody approved of a job, and did not take that back."""

    by: str
    at: datetime
    reason: str


#: What is long of a job, and not told.
_LONG = ("excerpt", "places", "commit__message", "commit__author")


class JobOut(Schema):
    """One execution. `reason` says why it waits and what would make it go on, or how it ended.

    `holds`: the gates that hold a deployment; `approvals`: who approved of it, only when one job is asked for.

    `cause` is the probable cause of its failure, as far as a log rule knows it.
    """

    id: int
    kind: JobKind
    title: str
    flavour: str
    repository: str | None
    commit: str | None
    build: int | None
    release: int | None
    level: str
    state: JobState
    reason: str
    cause: str
    value: str
    attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    approved_by: str | None
    runner: str
    holds: list[GateHoldOut] = []
    approvals: list[ApprovalOut] = []
    log_size: int | None = Field(None, description="Bytes; only when one job is asked for.")


class JobFilter(Schema):
    """Which jobs are wanted."""

    state: JobState | None = None
    kind: JobKind | None = None
    repository: Name = ""
    flavour: Name = ""

    def of(self, rows: QuerySet[Job]) -> QuerySet[Job]:
        """Restrict a query."""
        wanted = {
            "state": self.state,
            "kind": self.kind,
            "repository__name": self.repository,
            "flavour__name": self.flavour,
        }
        return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("", response=Page[JobOut], summary="Jobs, newest first")
def jobs(request: HttpRequest, which: Query[JobFilter], page: Query[PageAsked]) -> HttpResponse:
    items, next = page.of(which.of(_rows().defer(*_LONG)))
    # Written as it is: to have hundreds of jobs looked through once more takes longer than to find them.
    return HttpResponse(to_json({"items": _out(items), "next": next}), content_type="application/json; charset=utf-8")


@router.get("/{int:id}", response=JobOut, summary="A job")
def job(request: HttpRequest, id: int) -> JobOut:
    row = _rows().get(pk=id)
    approved = [ApprovalOut(by=str(each.user), at=each.at, reason=each.reason) for each in gates.approvals_of(row)]
    return _out([row])[0].model_copy(update={"log_size": JobLog(row).size, "approvals": approved})


@router.post("/{int:id}/approve", response=JobOut, auth=signed_in, summary="Let it start")
def approve(request: HttpRequest, id: int, body: Reason) -> JobOut:
    row = _rows().get(pk=id)
    user = person(request)
    confirms = gates.require_approver(user, row, clock.now())
    approvals.approve(row, user, reason=body.reason, confirms=confirms)
    return job(request, id)


@router.post("/{int:id}/take-back", response=JobOut, auth=signed_in, summary="Take one's own approval back")
def take_back(request: HttpRequest, id: int, body: Reason) -> JobOut:
    approvals.take_back(_rows().get(pk=id), person(request), reason=body.reason)
    return job(request, id)


@router.post(
    "/{int:id}/grant-exception",
    response=JobOut,
    auth=signed_in,
    summary="Let this deployment through a gate that holds it",
)
def grant_exception(request: HttpRequest, id: int, body: ExceptionAsked) -> JobOut:
    row = _rows().select_related("deployment_of").get(pk=id, deployment_of__isnull=False)
    service = Service.objects.select_related("target__recipe__repository__flavour").get(pk=row.deployment_of.service_id)
    standing = gates.chosen(service, body.gate, holding=row)
    user = person(request)
    gates.require_granter(user, service, standing)
    if not standing:
        raise RefusedError(f"no gate {body.gate!r} holds job {id}")
    exceptions.grant(service, standing, user, reason=body.reason, job=row)
    return job(request, id)


@router.post("/{int:id}/cancel", response=JobOut, auth=signed_in, summary="Stop it, or don't let it start")
def cancel(request: HttpRequest, id: int, body: ReasonNeeded) -> JobOut:
    row = _rows().get(pk=id)
    services.cancel(row, builder(request, row.flavour), reason=body.reason)
    return job(request, id)


@router.post("/{int:id}/again", response={201: JobOut}, auth=signed_in, summary="Do the same again, as a new job")
def again(request: HttpRequest, id: int, body: Reason) -> tuple[int, JobOut]:
    row = _rows().get(pk=id)
    new = requests.again(row, builder(request, row.flavour), reason=body.reason)
    return 201, job(request, new.pk)


def _rows() -> QuerySet[Job]:
    return Job.objects.select_related("flavour", "repository", "commit", "approved_by")


def _out(rows: Sequence[Job]) -> list[JobOut]:
    now = clock.now()
    reasons, held = waiting.reasons(rows, now), gates.holds_of(rows, now)
    return [out(row, reasons[row.pk], held.get(row.pk, ())) for row in rows]


def out(row: Job, reason: str, held: Sequence[GateHold] = ()) -> JobOut:
    """A job for the API, with why it is where it is, and the gates that hold it."""
    return JobOut(
        holds=[GateHoldOut.from_orm(each) for each in held],
        id=row.pk,
        kind=JobKind(row.kind),
        title=row.title,
        flavour=row.flavour.name,
        repository=row.repository.name if row.repository else None,
        commit=row.commit.hash if row.commit else None,
        build=row.build_id,
        release=row.release_id,
        level=Level(row.level).word,
        state=JobState(row.state),
        reason=reason,
        cause=row.cause,
        value=row.value,
        attempts=row.attempts,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        approved_by=row.approved_by.get_username() if row.approved_by else None,
        runner=row.runner,
        log_size=None,
    )
