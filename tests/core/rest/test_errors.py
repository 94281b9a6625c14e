"""Errors are problem details, whatever goes wrong."""

from __future__ import annotations

import logging

import pytest

from core.plugins import plugins
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path",
    [
        *(f"{noun}/{10**6}" for noun in ("repositories", "services", "builds", "releases", "deployments", "jobs")),
        f"jobs/{10**40}",
        f"jobs/{10**6}/log",
        f"repositories/{10**6}/refs",
        "flavours/nowhere",
        "nowhere",
        "nowhere/at/all",
        "jobs/x",
    ],
)
def test_what_does_not_exist_is_not_found(path, anybody, is_problem):
    assert is_problem(anybody.get(path), 404, "")


@pytest.mark.parametrize("action", ["approve", "cancel", "again"])
def test_nothing_can_be_done_to_a_job_that_does_not_exist(action, builder, is_problem):
    assert is_problem(builder.post(f"jobs/{10**6}/{action}", reason="x"), 404, "There is no such job.")


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"state": "sleeping"}, "state"),
        ({"kind": "dance"}, "kind"),
        ({"limit": 0}, "limit"),
        ({"limit": 100000}, "limit"),
        ({"before": "x"}, "before"),
        ({"repository": "a\0b"}, "repository"),
        ({"repository": "a" * 2000}, "repository"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(query, place, anybody, is_problem):
    answer = anybody.get("jobs", **query)
    assert is_problem(answer, 422, place)
    [fault] = answer.json()["errors"]
    assert place in fault["where"]


def test_a_reason_that_no_database_keeps_is_refused(builder, is_problem):
    job = factories.make_job()
    assert is_problem(builder.post(f"jobs/{job.pk}/cancel", reason="a\0b"), 422, "reason")


@pytest.mark.parametrize("body", ["{", "[]", "null", "\xff"])
def test_a_body_that_is_no_object_is_refused(body, builder, is_problem):
    job = factories.make_job()
    answer = builder.client.post(f"/api/jobs/{job.pk}/cancel", body.encode("latin-1"), content_type="application/json")
    assert is_problem(answer, answer.status_code, "")
    assert answer.status_code in (400, 422)


def test_a_fault_of_the_deployer_is_logged_and_says_nothing_about_its_inside(anybody, is_problem, monkeypatch, caplog):
    monkeypatch.setattr(plugins, "infos", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        answer = anybody.get("plugins")
    assert is_problem(answer, 500, "its own log")
    assert "division" not in answer.json()["detail"]
    assert "ZeroDivisionError" in caplog.text


def test_what_the_api_does_not_take_is_a_problem_that_says_what_it_takes(anybody, builder, is_problem):
    answer = anybody.client.put("/api/jobs")
    assert is_problem(answer, 405, "does not take PUT")
    assert answer.headers["Allow"] == "GET"
    job = factories.make_job()
    answer = builder.client.post(f"/api/jobs/{job.pk}/cancel", {"reason": "x"})
    assert is_problem(answer, 415, "Content-Type: application/json")


def test_a_page_of_elsewhere_can_do_nothing(is_problem):
    api = Api(factories.make_user(is_superuser=True), enforce_csrf_checks=True)
    assert is_problem(api.post(f"jobs/{factories.make_job().pk}/approve", reason="x"), 403, "CSRF")


@pytest.mark.parametrize("debug", [False, True])
def test_a_fault_around_the_api_is_a_problem_too(debug, is_problem, monkeypatch, settings):
    settings.DEBUG = debug
    monkeypatch.setattr("core.services.tokens.find", lambda text: 1 / 0)
    api = Api(raise_request_exception=False, headers={"Authorization": "Bearer x"})
    answer = api.get("jobs")
    assert is_problem(answer, 500, "its own log")
    assert "Traceback" not in answer.content.decode()
