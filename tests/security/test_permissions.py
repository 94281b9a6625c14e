"""Every address, operation and socket, asked for by everybody: who is let in stands in a table, and nowhere by chance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from core.models import Flavour, Service
from core.rest.api import api
from core.rest.description import operations
from core.states import HoldKind
from core.web.routing import websocket_urlpatterns
from tests import factories
from tests.core.web.test_private import _filled
from tests.security import people, walk
from tests.security.test_visible import _socket, make

pytestmark = pytest.mark.django_db

LIST, ROW, ALL = "who may look", "who may look at it", "everybody"
KNOWN, BUILDERS, ADMINS = "who is known", "its builders", "its admins"
ACTS = "who may look at it and comes to act"
WORKS, OF_ALL = "who works with the deployer", "admins of all"
#: By the name of an address: who may read it, and who may post to it; empty where there is nothing of the kind.
PAGES: dict[str, tuple[str, str]] = {
    "overview": (LIST, ""),
    "repository": (ROW, ""),
    "look": ("", BUILDERS),
    "repository-diagram": (ROW, ""),
    "commit-by-hash": (ROW, ""),
    "commit": (ROW, ""),
    "ref": (ROW, ""),
    "compare": (ROW, ""),
    "deployments": (LIST, ""),
    "services": (LIST, ""),
    "service": (ROW, ""),
    "roll-back": (BUILDERS, BUILDERS),
    "redeploy": (BUILDERS, BUILDERS),
    "put-right": ("", BUILDERS),
    "lock": ("", BUILDERS),
    "unlock": ("", BUILDERS),
    "pause": ("", BUILDERS),
    "unpause": ("", BUILDERS),
    "follow": ("", BUILDERS),
    "flavour": (ROW, ""),
    "flavour-diagram": (ROW, ""),
    "freeze": ("", BUILDERS),
    "unfreeze": ("", BUILDERS),
    "threshold": ("", ADMINS),
    "retention": ("", ADMINS),
    "build": (ROW, ""),
    "release": (ROW, ""),
    "deployment": (ROW, ""),
    "jobs": (LIST, ""),
    "job": (ROW, ""),
    "log": (ROW, ""),
    "approve": ("", BUILDERS),
    # One's own: whoever has none is told so.
    "take-back": ("", "who is known and may look at it"),
    # A gate that no longer holds it; who may with which option of a gate: `tests/core/web/test_gates.py`.
    "grant-exception": ("", BUILDERS),
    "revoke-exception": ("", BUILDERS),
    "cancel": ("", BUILDERS),
    "again": ("", BUILDERS),
    "search": (LIST, ""),
    "activity": (LIST, ""),
    "deliveries": (LIST, ""),
    "pools": (LIST, ""),
    "processes": (WORKS, ""),
    # The runner looks after all flavours.
    "drain": ("", OF_ALL),
    "undrain": ("", OF_ALL),
    "tokens": (KNOWN, KNOWN),
    # The token of somebody else: there is none for anybody.
    "revoke-token": ("", "nobody"),
    "settings": (LIST, ""),
    "tidy": ("", OF_ALL),
    "plugins": (LIST, ""),
    "disable-plugin": ("", OF_ALL),
    "enable-plugin": ("", OF_ALL),
    "login": (ALL, ALL),
    "metrics": ("who may look at all", ""),
    "healthz": (ALL, ""),
    "readyz": (ALL, ""),
}
#: What is not asked for here, and why.
APART = {
    "login-elsewhere": "leads to a server elsewhere: `tests/core/web/test_login.py`",
    "login-callback": "comes from a server elsewhere: `tests/core/web/test_login.py`",
    "logout": "ends the session that asks",
    "webhook": "is for sources, which have signatures of their own",
}

#: By the name of an operation; those that read are for who may look at it.
OPERATIONS: dict[str, str] = {
    **dict.fromkeys(
        (
            "activity_activity",
            "deliveries_deliveries",
            "deployments_deployments",
            "exceptions_exceptions",
            "flavours_flavours",
            "jobs_jobs",
            "plugins_found",
            "pools_found",
            "releases_releases",
            "builds_builds",
            "commits_commits",
            "repositories_repositories",
            "search_logs",
            "search_search",
            "services_services",
            "settings_settings",
            "streams_events",
        ),
        LIST,
    ),
    "tokens_of_mine_tokens_in_force": KNOWN,
    "tokens_of_mine_revoke": "nobody",
    "flavours_threshold": ADMINS,
    "flavours_retention": ADMINS,
    "jobs_take_back": ACTS,
    "processes_found": WORKS,
    **dict.fromkeys(
        ("plugins_disable", "plugins_enable", "processes_drain", "processes_undrain", "settings_tidy"), OF_ALL
    ),
}


@pytest.fixture
def keys(db: None, dummy: Any) -> dict[str, Any]:
    found = make("mine")
    found["tokens"] = factories.make_api_token().pk
    # What can be lifted.
    service = Service.objects.get(pk=found["services"])
    factories.make_hold(service=service, kind=HoldKind.PAUSE)
    factories.make_hold(flavour=service.target.recipe.repository.flavour)
    return found


@pytest.fixture
def everybody(keys: dict[str, Any]) -> dict[str, Client]:
    return people.clients(Flavour.objects.get(name="mine"), factories.make_flavour("other"))


def undone(client: Client, method: str, path: str, given: Any, **more: Any) -> Any:
    """Ask for something whose effects the next one does not meet."""
    with transaction.atomic():
        answer = getattr(client, method)(path, given, **more)
        transaction.set_rollback(True)
    return answer


def test_every_address_has_its_entry() -> None:
    assert {str(each.name) for each in walk.routes()} == {*PAGES, *APART}, "say in PAGES who may"


@pytest.mark.parametrize("private", [False, True])
def test_pages_let_in_whom_the_table_says(
    private: bool, settings: Any, keys: dict[str, Any], everybody: dict[str, Client]
) -> None:
    faults = []
    with people.private(settings, private):
        for turn, (name, path) in enumerate(walk.named_pages(keys)):
            for method, rule in zip(("get", "post"), PAGES.get(name, ("", "")), strict=True):
                asked = people.chosen(people.VISITORS, rule, private=private, turn=turn) if rule else ()
                for who in asked:
                    answer = undone(everybody[who], method, path, {"reason": "x", "level": "average", "gate": "dummy"})
                    if people.let_in(answer) != people.RULES[rule](who, private):
                        faults.append(f"{method} {path} as {who}: {answer.status_code}, for {rule}")
    assert not faults


def _operations() -> Iterator[tuple[str, str, str]]:
    get_resolver()
    schema = api.get_openapi_schema()
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method, path


def test_the_table_names_operations_that_there_are() -> None:
    get_resolver()
    ids = {operation["operationId"] for _, operation in operations(api.get_openapi_schema())}
    assert set(OPERATIONS) <= ids, set(OPERATIONS) - ids


@pytest.mark.parametrize("private", [False, True])
def test_operations_let_in_whom_the_table_says(
    private: bool, settings: Any, keys: dict[str, Any], everybody: dict[str, Client]
) -> None:
    faults = []
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"reason": "x", "release": keys["releases"], "level": "average", "gate": "dummy", "until": until}
    with people.private(settings, private):
        for turn, (name, method, path) in enumerate(_operations()):
            if path.endswith(("/events", "/stream")):
                continue
            rule = OPERATIONS.get(name, BUILDERS if method == "post" else ROW)
            # What acts may be let read or not: it is another scope.
            visitors = people.VISITORS if method == "get" else (*people.VISITORS, "token act")
            for who in people.chosen((*visitors, "token read"), rule, private=private, turn=turn):
                more = {"content_type": "application/json"} if method == "post" else {}
                given = body if method == "post" else {"since": keys["releases"]}
                answer = undone(everybody[who], method, walk.filled(path, keys), given, **more)
                # What the body is asked for comes after who asks.
                assert answer.status_code != 422 or method == "get", (name, answer.content)
                if people.let_in(answer) != people.RULES[rule](who, private):
                    faults.append(f"{method} {path} as {who}: {answer.status_code}, for {rule}")
    assert not faults


def _screens() -> Iterator[tuple[str, str]]:
    """Every address of the admin, and who may: what the deployer offers is for the admins of all flavours."""
    for model, screen in admin.site._registry.items():
        rule = "admins of all" if model._meta.app_label == "core" else "superusers"
        for pattern in screen.urls:
            beginning = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            yield beginning + _filled(str(pattern.pattern)), rule
    for own in ("", "password_change/", "jsi18n/", "autocomplete/"):
        yield f"/admin/{own}", "admins of all"


def test_the_admin_is_for_admins_of_all_flavours_and_of_people_for_superusers(everybody: dict[str, Client]) -> None:
    """That those who may are let in: `tests/core/admin/test_screens.py` looks at every screen."""
    faults, refused = [], 0
    for path, rule in _screens():
        for who in people.VISITORS:
            if not people.RULES[rule](who, False):
                answer = everybody[who].get(path)
                refused += 1
                if answer.status_code == 200:
                    faults.append(f"{path} as {who}, for {rule}")
    assert not faults
    assert refused > 400
    assert everybody["admin"].get("/admin/core/flavour/").status_code == 200


SOCKETS = {"ws/events": LIST, "ws/jobs/<int:pk>/log": ROW}


def _world() -> tuple[dict[str, Client], int]:
    keys = make("mine")
    return people.clients(Flavour.objects.get(name="mine"), factories.make_flavour("other")), keys["jobs"]


@pytest.mark.django_db(transaction=True)
async def test_sockets_let_in_whom_the_table_says(settings: Any) -> None:
    assert {str(each.pattern) for each in websocket_urlpatterns} == set(SOCKETS), "say in SOCKETS who may"
    everybody, job = await database_sync_to_async(_world)()
    faults = []
    for private in (False, True):
        with people.private(settings, private):
            for route, rule in SOCKETS.items():
                for who in people.VISITORS:
                    answer = await _socket("/" + route.replace("<int:pk>", str(job)), everybody[who])
                    if (answer == "websocket.accept") != people.RULES[rule](who, private):
                        faults.append(f"{route} as {who}: {answer}, for {rule}")
    assert not faults
