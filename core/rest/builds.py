"""Builds."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Build
from core.rest.values import Name, Page, PageAsked
from core.states import Purpose

router = Router(tags=["builds"])


class BuildOut(Schema):
    """One recipe of one commit for one platform. `job` is the newest that built it, `state` and `reason` are that job's."""

    id: int
    repository: str
    recipe: str
    commit: str
    platform: str
    purpose: Purpose
    trusted: bool
    job: int | None
    state: str
    reason: str
    created_at: datetime

    @staticmethod
    def resolve_repository(row: Build) -> str:
        return row.recipe.repository.name

    @staticmethod
    def resolve_recipe(row: Build) -> str:
        return row.recipe.name

    @staticmethod
    def resolve_commit(row: Build) -> str:
        return row.commit.hash

    @staticmethod
    def resolve_job(row: Build) -> int | None:
        return row.job_id

    @staticmethod
    def resolve_state(row: Build) -> str:
        return row.job.state if row.job else ""

    @staticmethod
    def resolve_reason(row: Build) -> str:
        return row.job.reason if row.job else ""


class BuildFilter(Schema):
    """Which builds are wanted."""

    repository: Name = ""
    commit: Name = ""
    purpose: Purpose | None = None

    def of(self, rows: QuerySet[Build]) -> QuerySet[Build]:
        """Restrict a query."""
        wanted = {
            "recipe__repository__name": self.repository,
            "commit__hash": self.commit,
            "purpose": self.purpose,
        }
        return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("", response=Page[BuildOut], summary="Builds, newest first")
def builds(request: HttpRequest, which: Query[BuildFilter], page: Query[PageAsked]) -> dict[str, object]:
    rows = Build.objects.select_related("recipe__repository", "commit", "job")
    items, next = page.of(which.of(rows))
    return {"items": items, "next": next}


@router.get("/{int:id}", response=BuildOut, summary="A build")
def build(request: HttpRequest, id: int) -> Build:
    return Build.objects.select_related("recipe__repository", "commit", "job").get(pk=id)
