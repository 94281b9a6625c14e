"""Exceptions from gates."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from core import clock
from core.models import GateException
from core.rest.values import Reason, builder, signed_in
from core.services import exceptions as services

router = Router(tags=["exceptions"])


class ExceptionOut(Schema):
    """Somebody lets deployments of a service through a gate: that of `job`, or all of them `until` then."""

    id: int
    service: int
    job: int | None
    gate: str
    title: str
    reason: str
    granted_by: str
    granted_at: datetime
    until: datetime | None

    @staticmethod
    def resolve_service(row: GateException) -> int:
        return row.service_id

    @staticmethod
    def resolve_job(row: GateException) -> int | None:
        return row.job_id

    @staticmethod
    def resolve_granted_by(row: GateException) -> str:
        return row.granted_by.get_username()


@router.get("", response=list[ExceptionOut], summary="The exceptions from gates that are in force, newest first")
def exceptions(request: HttpRequest) -> Iterable[GateException]:
    return services.that_matter(clock.now())


@router.post(
    "/{int:id}/revoke", response={204: None}, auth=signed_in, summary="Let through no more what has not started"
)
def revoke(request: HttpRequest, id: int, body: Reason) -> tuple[int, None]:
    row = GateException.objects.select_related("service__target__recipe__repository__flavour").get(pk=id)
    services.revoke(row, builder(request, row.service.target.recipe.repository.flavour), reason=body.reason)
    return 204, None
