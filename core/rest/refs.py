"""Refs: branches and pull requests."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Ref, Repository
from core.rest.search import Words
from core.rest.values import Page, PageAsked

router = Router(tags=["repositories"])


class RefOut(Schema):
    """A branch or a pull request. `trusted` is false when a stranger may have chosen its commit."""

    id: int
    repository: str
    name: str
    short: str
    kind: str
    commit: str
    message: str
    trusted: bool
    title: str
    base: str
    url: str
    moved_at: datetime
    gone_at: datetime | None

    @staticmethod
    def resolve_repository(row: Ref) -> str:
        return row.repository.name

    @staticmethod
    def resolve_commit(row: Ref) -> str:
        return row.commit.hash

    @staticmethod
    def resolve_message(row: Ref) -> str:
        return row.commit.message


class RefFilter(Schema):
    """Which refs are wanted; `q` is a part of a ref's name, or of a pull request's title."""

    q: Words = ""
    gone: bool = False

    def of(self, rows: QuerySet[Ref]) -> QuerySet[Ref]:
        """Restrict a query."""
        rows = rows if self.gone else rows.filter(gone_at=None)
        return rows.filter(Q(name__icontains=self.q) | Q(title__icontains=self.q)) if self.q else rows


@router.get("/repositories/{int:id}/refs", response=Page[RefOut], summary="Its branches and pull requests")
def refs(request: HttpRequest, id: int, which: Query[RefFilter], page: Query[PageAsked]) -> dict[str, object]:
    rows = Repository.objects.get(pk=id).refs.select_related("commit", "repository")
    items, next = page.of(which.of(rows))
    return {"items": items, "next": next}


@router.get("/refs/{int:id}", response=RefOut, summary="A branch or a pull request")
def ref(request: HttpRequest, id: int) -> Ref:
    return Ref.objects.select_related("commit", "repository").get(pk=id)
