"""What several routers say or ask for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
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
    """A part of a list. `next` is for `before`, to get what follows; null at the end."""

    items: list[Item]
    next: int | None


class PageAsked(Schema):
    """Which part of a list is wanted. It stays the same part when something is added before it."""

    before: int | None = Field(None, ge=1, le=2**63 - 1, description="The `next` of a page: only what follows it.")
    limit: int = Field(50, ge=1, le=500, description="At most so many.")

    def of(self, rows: QuerySet[Any]) -> tuple[list[Any], int | None]:
        """The rows of this page, newest first, and where the next one begins. One query."""
        older = rows.filter(pk__lt=self.before) if self.before else rows
        return self._cut(older.order_by("-pk"))

    def by(self, rows: QuerySet[Any], *names: str) -> tuple[list[Any], int | None]:
        """The rows of this page of a list that is sorted by some fields, which none of them lacks. Two queries at most.

        :raises Http404: the row that it is to go on after is no more.
        """
        if self.before:
            last = rows.model._default_manager.filter(pk=self.before).values_list(*names, "pk").first()
            if last is None:
                raise Http404("What the list is to go on after is no more: begin anew, without `before`.")
            rows = rows.filter(_following((*names, "pk"), last))
        return self._cut(rows.order_by(*names, "pk"))

    def _cut(self, rows: QuerySet[Any]) -> tuple[list[Any], int | None]:
        found = list(rows[: self.limit + 1])
        page = found[: self.limit]
        return page, page[-1].pk if len(found) > len(page) else None


def _following(names: Sequence[str], last: Sequence[Any]) -> Q:
    """What comes after a row in the order of some fields."""
    found, same = Q(), Q()
    for name, value in zip(names, last, strict=True):
        found |= same & Q(**{f"{name}__gt": value})
        same &= Q(**{name: value})
    return found


class Reason(Schema):
    """Why something is done. Everybody can read it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=r"^[^\x00]*$")] = ""


class ReasonNeeded(Schema):
    """Why something is done, which has to be said."""

    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")
    ]


class HoldOut(Schema):
    """A person holds something still; null `until`: till lifted.

    `kind` is `lock` or `pause` (a service; what people ask for still goes through a pause) or `freeze` (a flavour).
    """

    kind: str
    owner: str
    reason: str
    since: datetime
    until: datetime | None


class GateHoldOut(Schema):
    """A gate that holds a deployment. `until`: when it lifts by itself, null where it does not.

    `lifted_by` says who can lift it and how, in words; `exceptions` which role may grant an exception from it: `builder`,
    `admin`, `nobody`; `approvers` whose approvals it waits for.
    """

    gate: str
    title: str
    reason: str
    until: datetime | None
    lifted_by: str
    exceptions: str
    approvers: list[str]


class ExceptionAsked(ReasonNeeded):
    """Which gate something is to be let through, by its kind, and why."""

    gate: str


class HoldAsked(ReasonNeeded):
    """Why something is to be held still, and until when; without an end, until somebody lifts it."""

    until: AwareDatetime | None = None


class PauseAsked(Reason):
    """Until when automatic deployments are to wait, and why, if that is to be said."""

    until: AwareDatetime | None = None


def builder(request: HttpRequest, flavour: Flavour) -> User:
    """Who asks, if that person may start and stop work.

    :raises PermissionDenied: that person may not.
    """
    return _person(request, flavour, Role.BUILDER)


def admin(request: HttpRequest, flavour: Flavour) -> User:
    """Who asks, if that person may change how a flavour is run.

    :raises PermissionDenied: that person may not.
    """
    return _person(request, flavour, Role.ADMIN)


def admin_everywhere(request: HttpRequest) -> User:
    """Who asks, if that person administers every flavour.

    :raises PermissionDenied: that person does not.
    """
    user = person(request)
    access.require_everywhere(user)
    return user


def person(request: HttpRequest) -> User:
    """Who asks; only for operations that somebody has to have signed in for."""
    assert isinstance(request.user, User)
    return request.user


def _person(request: HttpRequest, flavour: Flavour, role: Role) -> User:
    user = person(request)
    access.require(user, flavour, role)
    return user
