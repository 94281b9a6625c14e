"""What several routers say or ask for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Schema
from ninja.security import SessionAuth
from pydantic import AwareDatetime, Field, StringConstraints

from core.models import Flavour
from core.queries import access
from core.rest.tokens import token_of
from core.states import Role

Item = TypeVar("Item")


class _Session(SessionAuth):
    """Who came with a token, or has signed in, by a page that knows the CSRF token. Who has not is told that first."""

    def __call__(self, request: HttpRequest) -> Any:
        if token_of(request):
            return request.user
        return super().__call__(request) if request.user.is_authenticated else None


signed_in = _Session()

#: A name to filter by. PostgreSQL refuses a NUL in a text.
Name = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")]


class Page(Schema, Generic[Item]):
    """A part of a list, newest first. `next` is for `before`, to get the rest; null at the end."""

    items: list[Item]
    next: int | None


class PageAsked(Schema):
    """Which part of a list is wanted. It stays the same part when something is added at the beginning."""

    before: int | None = Field(None, ge=1, le=2**63 - 1, description="Only what is older: the `next` of a page.")
    limit: int = Field(50, ge=1, le=500, description="At most so many.")

    def of(self, rows: QuerySet[Any]) -> tuple[list[Any], int | None]:
        """The rows of this page, and where the next one begins. One query."""
        older = rows.filter(pk__lt=self.before) if self.before else rows
        found = list(older.order_by("-pk")[: self.limit + 1])
        page = found[: self.limit]
        return page, page[-1].pk if len(found) > len(page) else None


class Reason(Schema):
    """Why something is done. Everybody can read it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")] = ""


class ReasonNeeded(Schema):
    """Why something is done, which has to be said."""

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
    ]


class HoldOut(Schema):
    """A person holds something still: `kind` is `lock` (a service) or `freeze` (a flavour); null `until`: till lifted."""

    kind: str
    owner: str
    reason: str
    since: datetime
    until: datetime | None


class HoldAsked(ReasonNeeded):
    """Why something is to be held still, and until when; without an end, until somebody lifts it."""

    until: AwareDatetime | None = None


def builder(request: HttpRequest, flavour: Flavour) -> User:
    """Who asks, if that person may start and stop work.

    :raises PermissionDenied: that person may not.
    """
    assert isinstance(request.user, User)
    access.require(request.user, flavour, Role.BUILDER)
    return request.user
