"""A person's own tokens. New ones are made on the page alone: a token that leaked could make others of itself."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Query, Router, Schema

from core.models import ApiToken
from core.rest.values import Page, PageAsked, signed_in
from core.services import tokens
from core.states import TokenScope

router = Router(tags=["tokens"])


class TokenOut(Schema):
    """A token, without its text, which nobody has. `used_at` is told to the minute."""

    id: int
    name: str
    beginning: str
    scopes: list[TokenScope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


@router.get("", response=Page[TokenOut], auth=signed_in, summary="Your tokens that were not revoked, newest first")
def tokens_in_force(request: HttpRequest, page: Query[PageAsked]) -> dict[str, object]:
    items, next = page.of(ApiToken.objects.filter(owner=_person(request), revoked_at=None))
    return {"items": items, "next": next}


@router.post("/{int:id}/revoke", response=TokenOut, auth=signed_in, summary="End a token of yours at once")
def revoke(request: HttpRequest, id: int) -> ApiToken:
    person = _person(request)
    row = ApiToken.objects.get(pk=id, owner=person)
    tokens.revoke(row, person)
    return row


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
