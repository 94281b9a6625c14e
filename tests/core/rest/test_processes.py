"""Which process runs what: on the page, by the API and at the terminal; and having a runner take nothing more."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from core.models import Activity, Runner
from core.queries import processes
from core.queries.processes import Condition
from core.states import JobState, ProcessKind
from tests import factories
from tests.core.rest.person import Api

pytestmark = pytest.mark.django_db


def now() -> Any:
    return timezone.now()


@pytest.fixture
def operator() -> Any:
    return factories.make_user("ann", is_superuser=True)


def told(name: str) -> processes.ProcessNow:
    return next(each for each in processes.found(now()).processes if each.name == name)


def command(*words: str) -> str:
    output = StringIO()
    call_command(*words, stdout=output, stderr=output)
    return output.getvalue()


@pytest.mark.parametrize(
    ("seconds", "gone", "condition"),
    [(1, False, Condition.ALIVE), (20, False, Condition.LATE), (31, False, Condition.GONE), (1, True, Condition.GONE)],
)
def test_without_signs_a_process_is_late_and_then_gone(seconds: int, gone: bool, condition: Condition) -> None:
    at = now() - timedelta(seconds=seconds)
    factories.make_runner("r", heartbeat_at=at, lease_until=at + timedelta(seconds=30), gone_at=now() if gone else None)
    assert told("r").condition is condition


def test_a_process_of_a_former_version_has_this_ones_lease() -> None:
    factories.make_runner("r", heartbeat_at=now() - timedelta(seconds=20))
    assert told("r").condition is Condition.LATE
    assert (told("r").migration, told("r").memory) == (None, None)


def test_several_versions_are_a_rolling_upgrade(operator: Any) -> None:
    new, old = {"version": "0.2.0", "schema": 17}, {"version": "0.1.9", "schema": 16}
    factories.make_process(ProcessKind.WEB, "web", **new)
    factories.make_runner("old", **old)
    factories.make_runner("older", version="0.10.0")
    factories.make_runner("lost", version="9", schema=99, heartbeat_at=now() - timedelta(hours=1))
    found = processes.found(now())
    assert [each.name for each in found.processes if each.older] == ["old", "older"]
    said = "A rolling upgrade to 0.2.0 (0017) goes on: 2 of 3 processes are of an older version."
    assert found.upgrade == said
    Runner.objects.filter(name__startswith="old").delete()
    assert not processes.found(now()).upgrade
    assert Api(operator).get("processes").json()["newest"] == "0.2.0 (0017)"


def test_what_another_version_tells_of_itself_is_taken_as_it_comes() -> None:
    factories.make_runner("r", vitals={"memory": "much", "clock": None, "novel": [1], "without": ["slack"]})
    factories.make_process(ProcessKind.WEB, "w", vitals=["a list"])
    assert (told("r").memory, told("r").without) == (None, ("slack",))
    assert told("w").followers is None


def test_it_says_what_each_has_in_hand(operator: Any) -> None:
    factories.make_runner("r", vitals={"flavour": "acme"})
    factories.make_process(ProcessKind.WEB, "w", vitals={"followers": 3, "clock": -4.5}, host="far")
    job = factories.make_job(state=JobState.RUNNING, runner="r", title="a <b>build</b>", started_at=now())
    client = Client()
    client.force_login(operator)
    page = client.get("/processes/").content.decode()
    assert f'<a href="/jobs/{job.pk}/">a &lt;b&gt;build&lt;/b&gt;</a>' in page
    assert "looks after flavour acme alone" in page
    assert "3 live pages and logs" in page
    assert "The clock of far is -4.5 s ahead" in page
    rows = {each["name"]: each for each in Api(operator).get("processes").json()["processes"]}
    assert [each["id"] for each in rows["r"]["jobs"]] == [job.pk]
    at_the_terminal = json.loads(command("processes", "--json"))
    assert [each["name"] for each in at_the_terminal] == ["w", "r"]
    assert f"job {job.pk}" in command("processes")


def test_it_is_for_those_who_work_with_the_deployer(operator: Any, is_problem: Any) -> None:
    factories.make_flavour("acme", builders=["bob"])
    factories.make_runner("r")
    assert Client().get("/processes/").status_code == 302
    assert is_problem(Api().get("processes"), 403, "Sign in first")
    for name, status in (("bob", 200), ("eve", 403)):
        api = Api(factories.make_user(name))
        assert api.get("processes").status_code == status
        assert api.client.get("/processes/").status_code == status
    staff = Api(factories.make_user("staff", is_staff=True))
    assert staff.get("processes").status_code == 200
    pk = Runner.objects.get().pk
    assert is_problem(staff.post(f"processes/runners/{pk}/drain", reason="x"), 403, "admin in every flavour")
    assert staff.client.post(f"/processes/runners/{pk}/drain", {"reason": "x"}).status_code == 403
    assert "Drain…" not in staff.client.get("/processes/").content.decode()
    assert Runner.objects.get().drain_at is None


def test_the_admin_of_a_flavour_drains_the_runners_that_look_after_it_alone() -> None:
    factories.make_flavour("acme", admins=["bob"])
    factories.make_flavour("other")
    own, all_ = factories.make_runner("own", vitals={"flavour": "acme"}), factories.make_runner("all")
    bob = Api(factories.make_user("bob"))
    assert bob.post(f"processes/runners/{own.pk}/drain", reason="x").status_code == 200
    assert bob.post(f"processes/runners/{all_.pk}/drain", reason="x").status_code == 403


def test_a_runner_is_drained_and_that_is_undone(operator: Any, is_problem: Any) -> None:
    row, api = factories.make_runner("r", host="build1"), Api(operator)
    assert api.post(f"processes/runners/{row.pk}/drain").status_code == 422
    shown = api.post(f"processes/runners/{row.pk}/drain", reason="a new disk", ends=True).json()["processes"][0]
    assert (shown["condition"], shown["drain"]["by"], shown["drain"]["ends"]) == ("drained", "ann", True)
    assert is_problem(api.post(f"processes/runners/{row.pk}/drain", reason="again"), 409, "drained already, by ann")
    page = api.client.get("/processes/").content.decode()
    assert "Drained by ann: a new disk It ends when" in page
    assert "takes jobs again" in api.client.post(f"/processes/runners/{row.pk}/undrain", follow=True).content.decode()
    assert is_problem(api.post(f"processes/runners/{row.pk}/undrain"), 409, "is not being drained")
    done = Activity.objects.order_by("pk").values_list("verb", "label", "reason")
    assert list(done) == [("drained", "r", "a new disk"), ("undrained", "r", "")]
    assert is_problem(api.post("processes/runners/999/drain", reason="x"), 404, "")
    Runner.objects.update(gone_at=now())
    assert is_problem(api.post(f"processes/runners/{row.pk}/drain", reason="x"), 409, "is gone")


def test_the_form_needs_a_reason(operator: Any) -> None:
    row, api = factories.make_runner("r"), Api(operator)
    assert "say why" in api.client.post(f"/processes/runners/{row.pk}/drain", follow=True).content.decode()
    form = {"reason": "rest", "then": "end"}
    assert (
        "is being drained" in api.client.post(f"/processes/runners/{row.pk}/drain", form, follow=True).content.decode()
    )
    row.refresh_from_db()
    assert row.drain_ends


def test_the_runners_of_a_host_are_drained_at_the_terminal() -> None:
    for name in ("one", "two"):
        factories.make_runner(name, host="build1")
    factories.make_runner("three", host="build2")
    assert command("drain", "build1", "--reason", "a new disk").splitlines() == [
        "one takes nothing more.",
        "two takes nothing more.",
    ]
    assert "drained by" in command("processes")
    with pytest.raises(CommandError, match="no runner on build1 is not being drained"):
        command("drain", "build1", "--reason", "x")
    with pytest.raises(CommandError, match="build9"):
        command("undrain", "build9")
    assert command("undrain", "one") == "one takes jobs again.\n"
    assert command("undrain", "build1") == "two takes jobs again.\n"
