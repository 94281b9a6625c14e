"""Pages and lists of the API ask the database as often for much as for little."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.walk import addresses
from core.models import Target
from core.states import JobState
from tests import factories

pytestmark = pytest.mark.django_db

#: More than a page with all of its parts needs.
MOST = 45
#: Streams, which do not end, and Django's own screens.
_LEFT_OUT = ("/events", "/stream", "/follow", "/history", "/delete", "/password", "/add")
#: How often as much is added again.
_AGAIN = 4
#: What a page asks once more as soon as there is a second of something.
_SLACK = 2
_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.QUEUED, JobState.RUNNING)


def fill(first: Target) -> None:
    """Some of everything: more of one target, and another one."""
    for target in (first, factories.make_target()):
        work_on(target)
    for make in (
        factories.make_activity,
        factories.make_delivery,
        factories.make_api_token,
        factories.make_input,
        factories.make_log_rule,
        factories.make_message,
        factories.make_plugin_fact,
        factories.make_runner,
        factories.make_builder_pools,
        factories.make_identity,
    ):
        make()


def work_on(target: Target) -> None:
    """Services of a target with their releases, in each state that there is something to tell of."""
    for state in _STATES:
        service = factories.make_service(target=target)
        release = factories.make_release(target=target)
        build = factories.make_build(target=target, commit=release.commit)
        factories.make_job(build=build, state=state, pool="builder dummy")
        factories.make_deployment(service=service, release=release, state=state)
        factories.make_ref(f"topic-{service.pk}", commit=release.commit)
        factories.make_hold(service=service)
        factories.make_rollback(service=service, release=release)


def queries(client: Client, address: str) -> list[str]:
    with CaptureQueriesContext(connection) as found:
        answer = client.get(address)
    assert answer.status_code < 500, address
    return [each["sql"] for each in found.captured_queries]


def test_more_rows_make_no_more_queries(settings: Any) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create_superuser("root"), backend="django.contrib.auth.backends.ModelBackend")
    target = factories.make_target()
    fill(target)
    before = {}
    walk = [each for each in addresses(["pk"]) if not each.rstrip("/").endswith(_LEFT_OUT)]
    for address in walk:
        before[address] = len(queries(client, address))
    for _ in range(_AGAIN):
        fill(target)
    grown = {}
    for address in walk:
        found = queries(client, address)
        if len(found) > before[address] + _SLACK or len(found) > MOST:
            grown[address] = (before[address], len(found), found[-1][:300])
    assert not grown
    assert len(walk) > 80
    assert target.services.count() == (_AGAIN + 1) * len(_STATES)
