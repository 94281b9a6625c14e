"""Logs of jobs: as they were written, by lines, by steps, and what is found in them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from ninja.errors import HttpError
from pydantic import Field, StringConstraints

from core.models import Job
from core.queries import job_logs

router = Router(tags=["logs"])

Words = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00\n]*$")]


class Part(Schema):
    """A part of a log, in bytes."""

    offset: int = Field(0, ge=0, le=2**62)
    limit: int = Field(1 << 16, ge=1, le=1 << 20)


class LinesAsked(Schema):
    """Which lines of a log are wanted, counted from 0; a negative `first` counts from the end."""

    first: int = Field(0, ge=-(2**40), le=2**40)
    count: int = Field(200, ge=1, le=2000)


class LinesOut(Schema):
    """Lines of a log. `at`: milliseconds since 1970; `cut`: lines that are longer than what is given; `total`: of the log.

    Whoever wants to follow begins at `resume_offset`, in bytes, with the line `resume_line`.
    """

    first: int
    lines: list[str]
    at: list[int | None]
    cut: list[int]
    total: int
    resume_line: int
    resume_offset: int
    complete: bool


class StepOut(Schema):
    """A step: its first line, counted from 0, and how many seconds it took, where that is known."""

    line: int
    title: str
    seconds: float | None


class FoundOut(Schema):
    """Lines that have the words, counted from 0; `more` if there are more than are told."""

    lines: list[int]
    more: bool


@router.get("/{int:id}/log", url_name="job_log", summary="A part of its log, as it was written")
def log(request: HttpRequest, id: int, part: Query[Part]) -> HttpResponse:
    data, complete = _log(id).part(part.offset, part.limit)
    headers = {"X-Log-Next-Offset": str(part.offset + len(data)), "X-Log-Complete": str(complete).lower()}
    return HttpResponse(data, content_type="text/plain; charset=utf-8", headers=headers)


@router.get("/{int:id}/log/lines", response=LinesOut, summary="Lines of its log")
def lines(request: HttpRequest, id: int, asked: Query[LinesAsked]) -> job_logs.Lines:
    return _log(id).lines(asked.first, asked.count)


@router.get("/{int:id}/log/steps", response=list[StepOut], summary="The steps of its log")
def steps(request: HttpRequest, id: int) -> list[job_logs.Step]:
    return _log(id).steps()


@router.get("/{int:id}/log/search", response=FoundOut, summary="Where its log has some words")
def search(request: HttpRequest, id: int, q: Words = "") -> job_logs.Found:
    return _log(id).found(q)


def _log(id: int) -> job_logs.JobLog:
    row = Job.objects.only("log", "state", "started_at", "finished_at", "log_removed_at", "log_removed_by").get(pk=id)
    if row.log_removed_at:
        raise HttpError(HTTPStatus.GONE, job_logs.absence(row))
    return job_logs.JobLog(row)
