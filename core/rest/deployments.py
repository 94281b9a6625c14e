"""Deployments."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import AwareDatetime

from core.models import Deployment
from core.queries.deployments import Wanted
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["deployments"])


class DeploymentOut(Schema):
    """One attempt to move one service to one release; `state` and `reason` are its job's.

    `drift`: what it was to put right, where it was that. `unhealthy`: what was wrong with the service afterwards; the
    release is not tried again by itself until `lifted_at`.
    """

    id: int
    repository: str
    service: int
    service_name: str
    release: int
    digest: str
    commit: str
    previous: int | None
    rollback: bool
    asked_by: str
    asked_why: str
    drift: str
    unhealthy: str
    lifted_at: datetime | None
    lifted_by: str
    job: int
    state: str
    reason: str
    created_at: datetime

    @staticmethod
    def resolve_repository(row: Deployment) -> str:
        return row.service.target.recipe.repository.name

    @staticmethod
    def resolve_service(row: Deployment) -> int:
        return row.service_id

    @staticmethod
    def resolve_service_name(row: Deployment) -> str:
        return str(row.service)

    @staticmethod
    def resolve_release(row: Deployment) -> int:
        return row.release_id

    @staticmethod
    def resolve_digest(row: Deployment) -> str:
        return row.digest

    @staticmethod
    def resolve_commit(row: Deployment) -> str:
        return row.release.commit.hash

    @staticmethod
    def resolve_previous(row: Deployment) -> int | None:
        return row.previous_id

    @staticmethod
    def resolve_asked_by(row: Deployment) -> str:
        return row.asked_by.get_username() if row.asked_by else ""

    @staticmethod
    def resolve_lifted_by(row: Deployment) -> str:
        return row.lifted_by.get_username() if row.lifted_by else ""

    @staticmethod
    def resolve_job(row: Deployment) -> int:
        return row.job_id

    @staticmethod
    def resolve_state(row: Deployment) -> str:
        return row.job.state

    @staticmethod
    def resolve_reason(row: Deployment) -> str:
        return row.job.reason


class DeploymentFilter(Schema):
    """Which deployments are wanted."""

    repository: Name = ""
    flavour: Name = ""
    service: int | None = None
    state: Name = ""
    person: Name = ""
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None

    def of(self, rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
        """Restrict a query."""
        return Wanted(
            flavour=self.flavour,
            repository=self.repository,
            service=self.service,
            outcome=self.state,
            person=self.person,
            since=self.since,
            until=self.until,
        ).of(rows)


@router.get("", response=Page[DeploymentOut], summary="Deployments, newest first")
def deployments(request: HttpRequest, which: Query[DeploymentFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(_rows()))
    return {"items": items, "next": next}


@router.get("/{int:id}", response=DeploymentOut, summary="A deployment")
def deployment(request: HttpRequest, id: int) -> Deployment:
    return _rows().get(pk=id)


def _rows() -> QuerySet[Deployment]:
    return Deployment.objects.select_related(
        "service__target__recipe__repository", "release__commit", "job", "asked_by", "lifted_by"
    )
