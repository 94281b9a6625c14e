"""Finding things by words."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field, StringConstraints

from core.limits import costly
from core.queries import search as queries
from core.rest.errors import TooManyError

router = Router(tags=["search"])

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00\n]*$")]


class HitOut(Schema):
    """Something that was found: its `kind`, its key among those, what tells it from others of its name, and the address
    of the page about it, where there is one."""

    kind: str
    id: int
    title: str
    detail: str
    page: str


class LineOut(Schema):
    """A line of a log: its number, from 0, and its text."""

    line: int
    text: str


class LogHitOut(Schema):
    """A job whose log has the words, and the first lines that do."""

    job: int
    title: str
    lines: list[LineOut]

    @staticmethod
    def resolve_job(hit: queries.LogHit) -> int:
        return hit.job.pk

    @staticmethod
    def resolve_title(hit: queries.LogHit) -> str:
        return hit.job.title

    @staticmethod
    def resolve_lines(hit: queries.LogHit) -> list[LineOut]:
        return [LineOut(line=number, text=text) for number, text in hit.lines]


class LogHitsOut(Schema):
    """What was found in the `searched` logs. `next` is for `before`, to go on with older ones; null at the end."""

    hits: list[LogHitOut]
    searched: int
    next: int | None


class InLogs(Schema):
    """What to look for in logs, and before which job."""

    q: Words = ""
    before: int | None = Field(None, ge=1, le=2**63 - 1)


@router.get("", response=list[HitOut], summary="What is called so: up to ten of each kind")
def search(request: HttpRequest, q: Words = "") -> list[queries.Hit]:
    return queries.search(q)


@router.get("/logs", response=LogHitsOut, summary="Logs that have the words, newest first, as far as a second allows")
def logs(request: HttpRequest, asked: Query[InLogs]) -> queries.LogHits:
    if seconds := costly(request.user.get_username(), request.META.get("REMOTE_ADDR", "")):
        raise TooManyError(seconds)
    return queries.in_logs(asked.q, asked.before)
