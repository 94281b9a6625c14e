"""Commits, with the refs that point to them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.engine import commit_report
from core.models import Commit, Ref
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["commits"])


class CommitOut(Schema):
    """A commit that some ref pointed to when it was looked at. `refs`: those that point to it now."""

    id: int
    repository: str
    hash: str
    message: str
    author: str
    committed_at: datetime | None
    refs: list[str]

    @staticmethod
    def resolve_repository(row: Commit) -> str:
        return row.repository.name

    @staticmethod
    def resolve_refs(row: Commit) -> list[str]:
        return [ref.name for ref in row.live]  # type: ignore[attr-defined]  # see `_rows`


class LineOut(Schema):
    """A build of a commit, made or to be made. `why`: the probable cause or the reason of its state."""

    recipe: str
    platform: str
    purpose: str
    state: str
    why: str
    job: int | None
    build: int | None

    @staticmethod
    def resolve_job(line: commit_report.Line) -> int | None:
        return line.job.pk if line.job else None

    @staticmethod
    def resolve_build(line: commit_report.Line) -> int | None:
        return line.build.pk if line.build else None


class CheckOut(Schema):
    """What the source of a commit is told of it, or would be."""

    context: str
    state: str
    title: str


class ReachOut(Schema):
    """Services that a commit is deployed to (`now`), or would be; `how`: what makes it so."""

    how: str
    now: bool
    services: list[int]

    @staticmethod
    def resolve_services(reach: commit_report.Reach) -> list[int]:
        return [service.pk for service in reach.services]


class ReportOut(Schema):
    """What becomes of a commit. `check` is null where no ref points to it any more."""

    check: CheckOut | None
    lines: list[LineOut]
    reaches: list[ReachOut]


class CommitFilter(Schema):
    """Which commits are wanted; `hash` may be the beginning of one."""

    repository: Name = ""
    hash: Name = ""

    def of(self, rows: QuerySet[Commit]) -> QuerySet[Commit]:
        """Restrict a query."""
        wanted = {"repository__name": self.repository, "hash__startswith": self.hash}
        return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("", response=Page[CommitOut], summary="Commits, those that were seen last first")
def commits(request: HttpRequest, which: Query[CommitFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(_rows()))
    return {"items": items, "next": next}


@router.get("/{int:id}", response=CommitOut, summary="A commit")
def commit(request: HttpRequest, id: int) -> Commit:
    return _rows().get(pk=id)


@router.get(
    "/{int:id}/report", response=ReportOut, summary="Its builds, its check, and what it deploys or would deploy"
)
def report(request: HttpRequest, id: int) -> commit_report.Report:
    return commit_report.report(Commit.objects.select_related("repository__flavour").get(pk=id))


def _rows() -> QuerySet[Commit]:
    live = Prefetch("refs", Ref.objects.filter(gone_at=None), to_attr="live")
    return Commit.objects.select_related("repository").prefetch_related(live)
