"""The settings page says how long things are kept and what was removed; admins change it, and it is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from core.models import Activity, Flavour, Tidying
from core.pipeline.declaration import Retention
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def flavour() -> Flavour:
    return factories.make_flavour("acme", admins=["ann"])


def test_the_page_says_the_policy_and_what_was_removed(client: Any, flavour: Flavour) -> None:
    factories.make_tidying(
        removed={"logs": 1200, "images": 1, "bytes": 2_500_000_000}, faults=["r.example removes nothing"]
    )
    text = client.get("/settings/").content.decode()
    assert "keeps logs for 90 days, check builds for 180 days, closed refs for 30 days" in text
    assert "Removed 1,200 logs and 1 image, 2.5 GB" in text
    assert "r.example removes nothing" in text
    assert "Tidy up now" not in text
    assert "Set how long" not in text


def test_an_admin_sets_it_and_it_is_recorded(client: Any, flavour: Flavour) -> None:
    client.force_login(factories.make_user("ann"))
    client.post(
        "/flavours/acme/retention", {"logs": "14", "builds": "", "refs": "", "releases": "", "reason": "small disk"}
    )
    flavour.refresh_from_db()
    assert flavour.kept == Retention(logs=14)
    activity = Activity.objects.get()
    assert activity.verb == "changed the retention of"
    assert activity.reason.startswith("small disk: keeps logs for 14 days,")
    assert "set here: logs" in client.get("/settings/").content.decode()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"logs": "200"}, "builds: at least as many days as"),
        ({"logs": "0"}, "logs: a number from 1"),
        ({"logs": "x"}, "is no number"),
        ({}, "nothing is to be changed"),
        ({"logs": "5", "reason": ""}, "say why"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Any, flavour: Flavour, given: dict[str, str], said: str) -> None:
    client.force_login(factories.make_user("ann"))
    answer = client.post("/flavours/acme/retention", {"reason": "why not", **given}, follow=True)
    assert said in answer.content.decode()
    flavour.refresh_from_db()
    assert flavour.kept == Retention()


def test_nobody_else_sets_it_or_tidies_up(client: Any, flavour: Flavour) -> None:
    client.force_login(factories.make_user("bob"))
    assert client.post("/flavours/acme/retention", {"logs": "1", "reason": "x"}).status_code == 403
    assert client.post("/settings/tidy").status_code == 403
    assert not Tidying.objects.exists()


def test_who_administers_everything_has_it_tidied_up(client: Any, flavour: Flavour) -> None:
    client.force_login(factories.make_user("ann"))
    client.post("/settings/tidy")
    client.post("/settings/tidy")
    assert Tidying.objects.get().asked_by
    assert "A runner tidies up" in client.get("/settings/").content.decode()


def test_the_api_does_it_too(flavour: Flavour) -> None:
    ann, bob = Api(factories.make_user("ann")), Api(factories.make_user("bob"))
    assert ann.post("flavours/acme/retention", logs=14, reason="small disk").status_code == 200
    told = bob.get("settings").json()["housekeeping"]
    assert told["policies"] == [
        {"flavour": "acme", "logs": 14, "builds": 180, "refs": 30, "releases": 100, "set_here": ["logs"]}
    ]
    assert (told["log_store"], told["going_on"], told["past"]) == ("the disk", False, [])
    refused = bob.post("settings/tidy")
    assert refused.status_code == 403
    assert "needs the role admin in every one of them" in refused.json()["detail"]
    assert ann.post("settings/tidy").json()["going_on"] is True


def test_a_job_whose_log_is_missing_says_where_it_should_be(client: Any) -> None:
    job = factories.make_job(state="succeeded", log="2026-01-01/000001-build.log")
    job.started_at = job.finished_at = job.created_at
    job.save()
    text = client.get(f"/jobs/{job.pk}/").content.decode()
    assert "Its log is missing: it should be " in text
    assert "2026-01-01/000001-build.log.zst, and is not there." in text
