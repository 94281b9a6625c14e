"""Commits, with the refs that point to them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

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


def _rows() -> QuerySet[Commit]:
    live = Prefetch("refs", Ref.objects.filter(gone_at=None), to_attr="live")
    return Commit.objects.select_related("repository").prefetch_related(live)
