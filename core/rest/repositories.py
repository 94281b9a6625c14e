"""Repositories."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Repository
from core.rest.values import Name, Page, PageAsked, Reason, builder, signed_in
from core.services import requests

router = Router(tags=["repositories"])


class RepositoryOut(Schema):
    """A repository, and what its source last said. `look_error` is empty when the last look worked."""

    id: int
    name: str
    flavour: str
    source: str
    origin: str
    poll: int
    check_refs: bool
    default_branch: str
    looked_at: datetime | None
    next_look_at: datetime
    look_error: str
    notice: str
    retired_at: datetime | None

    @staticmethod
    def resolve_flavour(row: Repository) -> str:
        return row.flavour.name


@router.get("", response=Page[RepositoryOut], summary="The repositories in use, by name")
def repositories(
    request: HttpRequest, page: Query[PageAsked], flavour: Name = "", name: Name = ""
) -> dict[str, object]:
    rows = Repository.objects.filter(retired_at=None).select_related("flavour")
    rows = rows.filter(flavour__name=flavour) if flavour else rows
    items, next = page.by(rows.filter(name=name) if name else rows, "name")
    return {"items": items, "next": next}


@router.get("/{int:id}", response=RepositoryOut, summary="A repository")
def repository(request: HttpRequest, id: int) -> Repository:
    return Repository.objects.select_related("flavour").get(pk=id)


@router.post(
    "/{int:id}/look", response={202: RepositoryOut}, auth=signed_in, summary="Ask its source for its heads now"
)
def look(request: HttpRequest, id: int, body: Reason) -> tuple[int, Repository]:
    row = Repository.objects.select_related("flavour").get(pk=id)
    requests.look(row, builder(request, row.flavour), reason=body.reason)
    return 202, repository(request, id)
