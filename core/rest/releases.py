"""Releases."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from core.models import Release
from core.queries import changes
from core.rest.values import Name, Page, PageAsked
from core.services import unhealthy

router = Router(tags=["releases"])


class ReleaseOut(Schema):
    """A target's commit, published. `digest` is empty until it is. `unhealthy`: services that it is not tried on again."""

    id: int
    repository: str
    branch: str
    image: str
    commit: str
    digest: str
    job: int | None
    created_at: datetime
    published_at: datetime | None
    unhealthy: list[int]

    @staticmethod
    def resolve_unhealthy(row: Release) -> list[int]:
        return sorted({each.service_id for each in row.marked})  # type: ignore[attr-defined]  # prefetched below

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


class ChangedCommitOut(Schema):
    """A commit that came with a release."""

    hash: str
    title: str
    author: str
    at: datetime | None


class ChangesOut(Schema):
    """What the release `newer` has that the release `older` has not, newest commit first.

    `complete`: every commit between them is there; `gaps` says why one may not be.
    """

    older: int
    newer: int
    commits: list[ChangedCommitOut]
    complete: bool
    gaps: list[str]

    @staticmethod
    def resolve_older(found: changes.Comparison) -> int:
        return found.older.pk

    @staticmethod
    def resolve_newer(found: changes.Comparison) -> int:
        return found.newer.pk


class Since(Schema):
    """The release to compare with; the one before it of its target if none is given."""

    since: int | None = Field(None, ge=1, le=2**63 - 1)


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


@router.get("/{int:id}/changes", response=ChangesOut, summary="What came with it since another release of its target")
def came_with(request: HttpRequest, id: int, asked: Query[Since]) -> changes.Comparison:
    row = _rows().get(pk=id)
    if asked.since:
        return changes.compare(_rows().get(pk=asked.since, target=row.target_id), row)
    if (found := changes.of_release(row)) is None:
        raise Http404(f"{row} is the first of its target: nothing came before it.")
    return found


def _rows() -> QuerySet[Release]:
    rows = Release.objects.select_related("target__recipe__repository", "commit")
    return rows.prefetch_related(Prefetch("deployments", unhealthy.marks(), to_attr="marked"))
