"""Repositories and their refs."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import Ref, Repository
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


class RefOut(Schema):
    """A branch or a pull request. `trusted` is false when a stranger may have chosen its commit."""

    id: int
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
    def resolve_commit(row: Ref) -> str:
        return row.commit.hash

    @staticmethod
    def resolve_message(row: Ref) -> str:
        return row.commit.message


@router.get("", response=list[RepositoryOut], summary="The repositories in use, by name")
def repositories(request: HttpRequest, flavour: Name = "", name: Name = "") -> list[Repository]:
    rows = Repository.objects.filter(retired_at=None).select_related("flavour")
    rows = rows.filter(flavour__name=flavour) if flavour else rows
    return list(rows.filter(name=name) if name else rows)


@router.get("/{int:id}", response=RepositoryOut, summary="A repository")
def repository(request: HttpRequest, id: int) -> Repository:
    return Repository.objects.select_related("flavour").get(pk=id)


@router.get("/{int:id}/refs", response=Page[RefOut], summary="Its branches and pull requests")
def refs(request: HttpRequest, id: int, page: Query[PageAsked], gone: bool = False) -> dict[str, object]:
    rows = Repository.objects.get(pk=id).refs.select_related("commit")
    items, next = page.of(rows if gone else rows.filter(gone_at=None))
    return {"items": items, "next": next}


@router.post(
    "/{int:id}/look", response={202: RepositoryOut}, auth=signed_in, summary="Ask its source for its heads now"
)
def look(request: HttpRequest, id: int, body: Reason) -> tuple[int, Repository]:
    row = Repository.objects.select_related("flavour").get(pk=id)
    requests.look(row, builder(request, row.flavour), reason=body.reason)
    return 202, repository(request, id)
