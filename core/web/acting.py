"""What all pages that act have in common: who, why, and how the next page tells what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest

from core.errors import RefusedError

_Made = TypeVar("_Made")


def person(request: HttpRequest) -> User:
    """Who asks; only for views that ask for a login."""
    assert isinstance(request.user, User)
    return request.user


def reason(request: HttpRequest) -> str:
    """Why, as the form says."""
    return request.POST.get("reason", "").replace("\0", "").strip()[:1000]


def attempt(request: HttpRequest, action: Callable[[], _Made], done: str) -> _Made | None:
    """Do it, and have the next page say that it is done, or why it is not possible."""
    try:
        made = action()
    except RefusedError as error:
        messages.error(request, str(error))
        return None
    messages.success(request, done)
    return made
