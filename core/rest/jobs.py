"""Jobs, their logs, and what people do to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema
from pydantic import Field

from core.models import Job
from core.queries import waiting
from core.queries.job_logs import JobLog
from core.rest.values import Name, Page, PageAsked, Reason, ReasonNeeded, builder, signed_in
from core.services import jobs as services
from core.services import requests
from core.states import JobKind, JobState, Level

router = Router(tags=["jobs"])


class JobOut(Schema):
    """One execution. `reason` says why it waits and what would make it go on, or how it ended.

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
def jobs(request: HttpRequest, which: Query[JobFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(_rows()))
    return {"items": _out(items), "next": next}


@router.get("/{int:id}", response=JobOut, summary="A job")
def job(request: HttpRequest, id: int) -> JobOut:
    row = _rows().get(pk=id)
    return _out([row])[0].model_copy(update={"log_size": JobLog(row).size})


@router.post("/{int:id}/approve", response=JobOut, auth=signed_in, summary="Let it start")
def approve(request: HttpRequest, id: int, body: Reason) -> JobOut:
    row = _rows().get(pk=id)
    services.approve(row, builder(request, row.flavour), reason=body.reason)
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
    reasons = waiting.reasons(rows, timezone.now())
    return [out(row, reasons[row.pk]) for row in rows]


def out(row: Job, reason: str) -> JobOut:
    """A job for the API, with why it is where it is."""
    return JobOut(
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
