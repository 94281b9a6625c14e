"""Somebody at the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from core.queries.access import BUILDERS
from tests.core.rest.person import Api


@pytest.fixture
def anybody() -> Api:
    """Somebody who did not sign in."""
    return Api()


@pytest.fixture
def builder() -> Api:
    """Somebody who may start and stop work."""
    user = User.objects.create_user("bert")
    user.groups.add(Group.objects.create(name=BUILDERS))
    return Api(user)


@pytest.fixture
def viewer() -> Api:
    """Somebody who signed in and may only look."""
    return Api(User.objects.create_user("vera"))


@pytest.fixture
def is_problem() -> Callable[[Any, int, str], bool]:
    """Whether an answer is a problem with this status, whose detail has these words in it."""

    def check(answer: Any, status: int, words: str) -> bool:
        assert answer.status_code == status, answer.content
        assert answer.headers["Content-Type"] == "application/problem+json"
        body = answer.json()
        assert set(body) >= {"type", "title", "status", "detail"}
        assert body["status"] == status
        assert words in body["detail"], body["detail"]
        return True

    return check
