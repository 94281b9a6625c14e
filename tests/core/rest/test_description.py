"""The description of the API is valid and whole: what the pages do, the API does."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver
from openapi_spec_validator import validate

from core.rest.api import api
from core.rest.description import operations
from core.services import tokens
from core.states import TokenScope
from core.web import urls
from tests import factories
from tests.core.rest.person import Api

#: What does on the API what a page does; or, with a space in it, why nothing does.
PAGES = {
    "overview": "services_services",
    "repository": "repositories_repository",
    "look": "repositories_look",
    "services": "services_services",
    "service": "services_service",
    "roll-back": "services_roll_back",
    "redeploy": "services_redeploy",
    "put-right": "services_put_right",
    "lock": "services_lock",
    "unlock": "services_unlock",
    "freeze": "flavours_freeze",
    "unfreeze": "flavours_unfreeze",
    "follow": "services_lift_rollback",
    "build": "builds_build",
    "release": "releases_release",
    "deployment": "deployments_deployment",
    "jobs": "jobs_jobs",
    "job": "jobs_job",
    "log": "job_logs_log",
    "approve": "jobs_approve",
    "take-back": "jobs_take_back",
    "grant-exception": "jobs_grant_exception",
    "revoke-exception": "exceptions_revoke",
    "cancel": "jobs_cancel",
    "again": "jobs_again",
    "search": "search_search",
    "activity": "activity_activity",
    "deliveries": "deliveries_deliveries",
    "pools": "pools_found",
    "processes": "processes_found",
    "drain": "processes_drain",
    "undrain": "processes_undrain",
    "tokens": "tokens_of_mine_tokens_in_force",
    "revoke-token": "tokens_of_mine_revoke",
    "settings": "settings_settings",
    "threshold": "flavours_threshold",
    "retention": "flavours_retention",
    "tidy": "settings_tidy",
    "flavour": "flavours_flavour",
    "flavour-diagram": "graphs_flavour_graph",
    "repository-diagram": "graphs_repository_graph",
    "commit": "commits_report",
    "commit-by-hash": "leads on to the commit's page",
    "ref": "refs_ref",
    "compare": "releases_came_with",
    "deployments": "deployments_deployments",
    "pause": "services_pause",
    "unpause": "services_unpause",
    "metrics": "is for machines as it is",
    "plugins": "plugins_found",
    "disable-plugin": "plugins_disable",
    "enable-plugin": "plugins_enable",
    "login": "a script comes with a token",
    "login-elsewhere": "a script comes with a token",
    "login-callback": "a script comes with a token",
    "logout": "a script revokes its token",
    "webhook": "is for sources, which have signatures of their own",
    "healthz": "is for machines as it is",
    "readyz": "is for machines as it is",
}


@functools.cache
def described() -> dict[str, Any]:
    get_resolver()
    return dict(api.get_openapi_schema())


def ids() -> list[str]:
    return [operation["operationId"] for _, operation in operations(described())]  # type: ignore[arg-type]


def test_the_description_is_valid_openapi() -> None:
    validate(described())


def test_every_operation_has_a_name_a_noun_a_summary_its_callers_and_its_errors() -> None:
    found = ids()
    assert len(found) == len(set(found))
    for method, operation in operations(described()):  # type: ignore[arg-type]
        assert operation["summary"], operation
        assert operation["tags"], operation
        assert operation["security"], operation
        assert {"403", "404", "422", "500"} <= set(operation["responses"]), operation
        names = {parameter["name"] for parameter in operation.get("parameters", ())}
        assert ("Idempotency-Key" in names) == (method == "post")


def test_what_a_page_does_the_api_does_too() -> None:
    names = {str(pattern.name) for pattern in urls.urlpatterns if isinstance(pattern, URLPattern)}
    assert names == set(PAGES), "say in PAGES which operation does what a page does, or why none does"
    missing = {name: told for name, told in PAGES.items() if " " not in told and told not in ids()}
    assert not missing


@pytest.mark.django_db
def test_a_person_sees_and_revokes_the_own_tokens_alone(is_problem: Any) -> None:
    ann = Api(factories.make_user("ann"))
    row, text = tokens.make(ann.user, "nightly", [TokenScope.READ])  # type: ignore[arg-type]
    other = factories.make_api_token()
    [shown] = ann.get("tokens").json()["items"]
    assert (shown["id"], shown["name"], shown["scopes"]) == (row.pk, "nightly", ["read"])
    assert text not in str(shown)
    assert is_problem(ann.post(f"tokens/{other.pk}/revoke"), 404, "")
    assert ann.post(f"tokens/{row.pk}/revoke").status_code == 200
    assert is_problem(ann.post(f"tokens/{row.pk}/revoke"), 409, "revoked already")
    assert is_problem(Api().get("tokens"), 403, "Sign in first")


def test_the_description_is_made_once_and_not_sent_again_to_who_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Api().get("openapi.json")
    monkeypatch.setattr(type(api), "get_openapi_schema", lambda *_, **__: pytest.fail("it is made again"))
    assert Api().get("openapi.json").content == first.content
    assert first.json()["paths"]
    client = Api(headers={"If-None-Match": first.headers["ETag"]})
    assert (client.get("openapi.json").status_code, client.get("openapi.json").content) == (304, b"")
    assert Api(headers={"If-None-Match": '"another"'}).get("openapi.json").status_code == 200
