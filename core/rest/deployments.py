"""Deployments."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Deployment
from core.rest.values import Name, Page, PageAsked

router = Router(tags=["deployments"])


class DeploymentOut(Schema):
    """One attempt to move one service to one release; `state` and `reason` are its job's."""

    id: int
    repository: str
    service: int
    service_name: str
    release: int
    digest: str
    commit: str
    previous: int | None
    rollback: bool
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
    service: int | None = None
    state: Name = ""

    def of(self, rows: QuerySet[Deployment]) -> QuerySet[Deployment]:
        """Restrict a query."""
        wanted = {
            "service__target__recipe__repository__name": self.repository,
            "service": self.service,
            "job__state": self.state,
        }
        return rows.filter(**{name: value for name, value in wanted.items() if value})


@router.get("", response=Page[DeploymentOut], summary="Deployments, newest first")
def deployments(request: HttpRequest, which: Query[DeploymentFilter], page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(which.of(_rows()))
    return {"items": items, "next": next}


@router.get("/{int:id}", response=DeploymentOut, summary="A deployment")
def deployment(request: HttpRequest, id: int) -> Deployment:
    return _rows().get(pk=id)


def _rows() -> QuerySet[Deployment]:
    return Deployment.objects.select_related("service__target__recipe__repository", "release__commit", "job")
