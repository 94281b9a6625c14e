"""The API against its own description: whatever is sent by whomever, the answer is one that the description has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.urls import get_resolver
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi import checks

from core import limits
from core.models import Flavour
from core.rest.api import api
from core.services import tokens
from core.states import TokenScope
from tests import factories
from tests.security import people
from tests.security.test_visible import make

pytestmark = pytest.mark.django_db

SLOW = os.environ.get("HYPOTHESIS_PROFILE") == "slow"
#: Of those that ask again, in another way, who may is asked for by `test_permissions`.
OTHERWISE = [
    checks.ignored_auth,
    checks.unsupported_method,
    checks.use_after_free,
    checks.ensure_resource_availability,
    # A key of a row that is not there is right in form.
    checks.positive_data_acceptance,
]


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """The server would close the connection whose transaction is the test's."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def callers(dummy: Any) -> dict[str, dict[str, str]]:
    """The headers of somebody who is not known, of a builder and of an admin."""
    make("mine")
    people.clients(Flavour.objects.get(name="mine"), factories.make_flavour("other"))
    found: dict[str, dict[str, str]] = {"anonymous": {}}
    for name in ("github:bert", "github:root"):
        _, text = tokens.make(User.objects.get(username=name), name, list(TokenScope))
        found[name] = {"Authorization": f"Bearer {text}"}
    return found


def test_every_answer_is_one_that_the_description_has(callers: dict[str, dict[str, str]]) -> None:
    get_resolver()
    schema = schemathesis.openapi.from_dict(api.get_openapi_schema())
    schema.app = get_wsgi_application()
    faults: list[str] = []
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.endswith(("/events", "/stream")):
            # They go on until who asks has left.
            continue

        @given(case=operation.as_strategy())
        @settings(
            max_examples=60 if SLOW else 3,
            deadline=None,
            database=None,
            derandomize=not SLOW,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def each(case: Any) -> None:
            nonlocal asked
            for who, headers in callers.items():
                limits._costly.clear()
                with transaction.atomic():
                    answer = case.call(headers=headers)
                    transaction.set_rollback(True)
                asked += 1
                try:
                    case.validate_response(answer, excluded_checks=OTHERWISE)
                except BaseException as error:  # noqa: BLE001  a group of failures
                    said = "; ".join(map(str, getattr(error, "exceptions", [error])))
                    faults.append(f"{case.method} {case.formatted_path} as {who}: {said[:600]}")

        each()
    assert not faults, "\n\n".join(faults[:20])
    assert asked > 300
