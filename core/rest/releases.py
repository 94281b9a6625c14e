"""Releases."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Release
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["releases"])


class ReleaseOut(Schema):
    """A target's commit, published. `digest` is empty until it is."""

    id: int
    repository: str
    branch: str
    image: str
    commit: str
    digest: str
    job: int | None
    created_at: datetime
    published_at: datetime | None

    @staticmethod
    def resolve_repository(row: Release) -> str:
        return row.target.recipe.repository.name

    @staticmethod
    def resolve_branch(row: Release) -> str:
        return row.target.branch

    @staticmethod
    def resolve_commit(row: Release) -> str:
        return row.commit.hash

    @staticmethod
    def resolve_job(row: Release) -> int | None:
        return row.job_id


class ReleaseFilter(Schema):
    """Which releases are wanted. Those of a service are what it can go back to."""

    repository: Name = ""
    service: int | None = None
    digest: Name = ""
    published: bool | None = None

    def of(self, rows: QuerySet[Release]) -> QuerySet[Release]:
        """Restrict a query."""
        wanted = {
            "target__recipe__repository__name": self.repository,
            "target__services": self.service,
            "digest": self.digest,
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        return rows if self.published is None else rows.filter(published_at__isnull=not self.published)


@router.get("", response=Page[ReleaseOut], summary="Releases, newest first")
def releases(request: HttpRequest, which: Query[ReleaseFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(_rows()))
    return {"items": items, "next": next}


@router.get("/{int:id}", response=ReleaseOut, summary="A release")
def release(request: HttpRequest, id: int) -> Release:
    return _rows().get(pk=id)


def _rows() -> QuerySet[Release]:
    return Release.objects.select_related("target__recipe__repository", "commit")
