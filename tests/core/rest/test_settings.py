"""The page of settings, its form for the threshold, and the same by the API and from a terminal."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from core.engine import schedules
from core.models import Activity, Flavour
from core.states import JobState, Level
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Flavour:
    return factories.make_flavour("acme", admins=["ann"], builders=["bob"])


def as_(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.filter(username=name).first() or factories.make_user(name))
    return client


def test_an_admin_sets_the_threshold_for_a_time(acme: Flavour) -> None:
    ann = as_("ann")
    assert "Set the threshold" in ann.get("/settings/").content.decode()
    form = {"level": "average", "reason": "a new hand", "hours": "4"}
    said = ann.post("/flavours/acme/threshold", form, follow=True).content.decode()
    assert "The threshold of acme is set." in said
    assert "what is average or more" in said
    acme.refresh_from_db()
    assert acme.threshold_now is Level.AVERAGE
    assert acme.threshold_lifts_at is not None
    assert abs(acme.threshold_lifts_at - timezone.now() - timedelta(hours=4)) < timedelta(minutes=1)
    done = Activity.objects.get()
    assert (done.user.username if done.user else "", done.verb) == ("ann", "set the threshold to average")
    assert done.reason.startswith("a new hand until ")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"level": "average", "reason": " "}, "say why"),
        ({"level": "lofty", "reason": "x"}, "there is no level"),
        ({"level": "none", "reason": "x"}, "nothing is to be changed"),
    ],
)
def test_what_is_not_possible_is_said_and_changes_nothing(acme: Flavour, form: dict[str, str], words: str) -> None:
    assert words in as_("ann").post("/flavours/acme/threshold", form, follow=True).content.decode()
    acme.refresh_from_db()
    assert acme.threshold is None
    assert not Activity.objects.exists()


def test_nobody_but_an_admin_sets_it(acme: Flavour) -> None:
    form = {"level": "average", "reason": "x"}
    assert "Set the threshold" not in as_("bob").get("/settings/").content.decode()
    assert as_("bob").post("/flavours/acme/threshold", form).status_code == 403
    assert Client().post("/flavours/acme/threshold", form).status_code == 302
    assert as_("ann").get("/flavours/acme/threshold").status_code == 405
    assert as_("ann").post("/flavours/gone/threshold", form).status_code == 404
    assert Client(enforce_csrf_checks=True).post("/flavours/acme/threshold", form).status_code == 403


def test_a_flavour_that_runs_harmlessly_keeps_its_threshold(acme: Flavour) -> None:
    Flavour.objects.update(harmless=True, threshold=Level.HARMLESS)
    assert "Set the threshold" not in as_("ann").get("/settings/").content.decode()
    form = {"level": "none", "reason": "x"}
    assert "runs harmlessly" in as_("ann").post("/flavours/acme/threshold", form, follow=True).content.decode()


def test_the_api_does_the_same(acme: Flavour, is_problem: Any) -> None:
    ann, bob = Api(factories.make_user("ann")), Api(factories.make_user("bob"))
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    said = ann.post("flavours/acme/threshold", level="dangerous", reason="holidays", until=until).json()
    assert said["threshold"] == "dangerous"
    assert is_problem(
        ann.post("flavours/acme/threshold", level="dangerous", reason="x", until=until), 409, "nothing is"
    )
    assert is_problem(ann.post("flavours/acme/threshold", level="lofty", reason="x"), 422, "level")
    assert is_problem(
        ann.post("flavours/acme/threshold", level=None, reason="x", until="2020-01-01T00:00:00Z"), 409, "ended"
    )
    assert is_problem(bob.post("flavours/acme/threshold", level=None, reason="x"), 403, "role admin")
    assert ann.post("flavours/acme/threshold", level=None, reason="over").json()["threshold"] is None


def test_the_terminal_does_the_same(acme: Flavour) -> None:
    def run(*words: str) -> str:
        output = StringIO()
        call_command("threshold", "acme", *words, stdout=output)
        return output.getvalue()

    assert run() == "Nothing of flavour acme waits for approval.\n"
    assert run("average", "--reason", "a new hand") == "Of flavour acme, what is average or more waits for approval.\n"
    assert " until " in run("dangerous", "--reason", "x", "--for", "2h")
    assert run("none", "--reason", "over") == "Nothing of flavour acme waits for approval.\n"
    for words, said in ((("average",), "say why"), (("lofty", "--reason", "x"), "there is no level")):
        with pytest.raises(CommandError, match=said):
            run(*words)


def test_it_shows_the_processes_and_what_plugins_tell(acme: Flavour) -> None:
    schedules.install()
    factories.make_runner("one", version="0.0.1")
    factories.make_job(state=JobState.RUNNING, runner="one")
    numbers = {"rate_limit": 5000, "rate_limit_remaining": 4000}
    factories.make_plugin_fact(plugin="github", label="graphql", text="about 80 %", numbers=numbers)
    page = Client().get("/settings/").content.decode()
    assert 'value="4000"' in page
    assert "1 runner takes what there is to do" in page
    assert "1 running" in page
    assert "DEPLOYER_SECRET_KEY" not in page
    told = Api().get("settings").json()
    assert told["configuration"] is None
    assert [(each["name"], each["jobs"], each["alive"]) for each in told["runners"]] == [("one", 1, True)]
    assert told["facts"][0]["numbers"] == numbers
    assert {each["name"] for each in told["schedules"]} >= {"Poll heads"}


def test_an_admin_of_everything_sees_the_configuration_and_no_secret(acme: Flavour, settings: Any) -> None:
    secret = {"secret_key": "hush-1", "metrics_token": "hush-2", "database_url": "postgres://u:hush-3@db/x"}
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update=secret)
    for text in (
        as_("ann").get("/settings/").content.decode(),
        Api(User.objects.get(username="ann")).get("settings").content.decode(),
    ):
        assert "DEPLOYER_DATABASE_URL" in text
        assert "db/x" in text
        assert "hush" not in text


def test_it_asks_as_often_however_many_there_are(acme: Flavour, django_assert_max_num_queries: Any) -> None:
    schedules.install()
    for number in range(5):
        factories.make_runner(f"r{number}")
        factories.make_plugin_fact()
        factories.make_hold(service=factories.make_service())
    ann = as_("ann")
    with django_assert_max_num_queries(40):
        ann.get("/settings/")
