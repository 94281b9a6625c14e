"""What people see of gates and do about them: on pages, by the API and by commands, each as far as its role goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from core.models import Deployment, GateException, Job, Service
from core.pipeline.gates import Answer
from core.services import gates
from core.states import JobState
from tests import factories
from tests.core.rest.person import Api
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(dummy: Dummy) -> Job:
    """A deployment of `shop` that two gates hold: one waits for approvals of `flo`, one may be passed by admins."""
    flavour = factories.make_flavour(
        "acme", admins=["ann"], builders=["bob"], gates=[["dummy", {"name": "a"}], ["dummy", {"name": "b"}]]
    )
    target = factories.make_target(recipe=factories.make_recipe(repository=factories.make_repository(flavour=flavour)))
    service = factories.make_service("shop", target=target)
    deployment = factories.make_deployment(service=service, state=JobState.QUEUED)
    for name in ("ann", "bob", "flo", "eve"):
        factories.make_user(name)
    said = [
        Answer(
            kind=each.kind, key=each.key, title=each.title, exceptions=each.exceptions, holds=True, reason=reason,
            approvers=approvers, until=None, lifted_by="a word of <flo>" if approvers else "",
        )
        for each, reason, approvers in zip(
            gates.standing_before(flavour, service), ("not <b>yet</b>", "0 of 1"), ((), ("flo",)), strict=True
        )
    ]  # fmt: skip
    Deployment.objects.filter(pk=deployment.pk).update(gates=gates.kept(said), gates_asked_at=timezone.now())
    return Job.objects.get(pk=deployment.job_id)


def page(name: str, path: str) -> str:
    client = Client()
    if name:
        client.login(username=name, password="open sesame")
    return client.get(path).content.decode()


def post(name: str, path: str, **form: Any) -> Any:
    client = Client()
    client.login(username=name, password="open sesame")
    return client.post(path, form, follow=True)


def test_every_hold_is_shown_wherever_somebody_looks(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    service = Service.objects.get()
    for path in (f"/jobs/{job.pk}/", f"/services/{service.pk}/", "/"):
        shown = page("", path)
        assert "not &lt;b&gt;yet&lt;/b&gt;" in shown, path
        assert "0 of 1" in shown, path
        assert "a word of &lt;flo&gt;" in shown, path
        assert "an admin who grants an exception" in shown, path
    told = Api(None).get(f"jobs/{job.pk}").json()
    assert [(each["title"], each["reason"]) for each in told["holds"]] == [
        ("dummy a", "not <b>yet</b>"), ("dummy b", "0 of 1"),
    ]  # fmt: skip
    (listed,) = Api(None).get("services").json()["items"]
    assert (len(listed["held_by"]), listed["gates"]) == (2, ["dummy a", "dummy b"])
    call_command("status")
    said = capsys.readouterr().out
    assert "Held by gate dummy a: not <b>yet</b>." in said
    assert "Held by gate dummy b: 0 of 1." in said


@pytest.mark.parametrize(
    ("name", "approve", "except_"),
    [("ann", True, True), ("bob", True, False), ("flo", True, False), ("eve", False, False)],
)
def test_each_is_offered_what_that_person_may_do(job: Job, name: str, *, approve: bool, except_: bool) -> None:
    shown = page(name, f"/jobs/{job.pk}/")
    assert (">Approve</button>" in shown) is approve
    assert ("Grant an exception" in shown) is except_
    assert (post(name, f"/jobs/{job.pk}/approve").status_code == 200) is approve
    assert job.approvals.filter(withdrawn_at=None).exists() is approve
    key = gates.answers(Deployment.objects.get())[0].key
    answer = post(name, f"/jobs/{job.pk}/exception", gate=key, reason="it burns")
    assert (answer.status_code == 200) is except_
    assert GateException.objects.exists() is except_
    api = Api(User.objects.get(username=name))
    asked = api.post(f"jobs/{job.pk}/grant-exception", gate="dummy", reason="x")
    assert asked.status_code == (409 if except_ else 403), "one of them is let through already"


def test_an_approval_is_taken_back_on_the_page_and_in_the_api(job: Job) -> None:
    post("flo", f"/jobs/{job.pk}/approve", reason="fine")
    shown = page("flo", f"/jobs/{job.pk}/")
    assert "Take your approval back" in shown
    assert "Take your approval back" not in page("bob", f"/jobs/{job.pk}/")
    post("flo", f"/jobs/{job.pk}/take-back")
    assert not job.approvals.filter(withdrawn_at=None).exists()
    flo = User.objects.get(username="flo")
    assert Api(flo).post(f"jobs/{job.pk}/approve", reason="y").json()["approvals"][0]["by"] == "flo"
    assert Api(flo).post(f"jobs/{job.pk}/take-back").json()["approvals"] == []
    assert Api(flo).post(f"jobs/{job.pk}/take-back").status_code == 409


def test_exceptions_are_granted_listed_and_revoked(job: Job) -> None:
    service, ann = Service.objects.get(), User.objects.get(username="ann")
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    body = {"gate": "dummy", "reason": "we move", "until": until}
    path = f"services/{service.pk}/grant-exception"
    assert Api(User.objects.get(username="bob")).post(path, **body).status_code == 403
    granted = Api(ann).post(path, **body).json()
    assert [each["title"] for each in granted] == ["dummy a", "dummy b"]
    assert len(Api(None).get("exceptions").json()) == 2
    shown = page("", f"/services/{service.pk}/")
    assert "ann lets every deployment of shop through gate dummy a until" in shown
    assert "through gate dummy b" in page("", "/settings/")
    post("bob", f"/exceptions/{granted[0]['id']}/revoke")
    assert len(Api(None).get("exceptions").json()) == 1
    assert Api(ann).post(f"exceptions/{granted[1]['id']}/revoke").status_code == 204
    assert Api(ann).post(path, **{**body, "gate": "moon"}).status_code == 409


def test_commands_do_the_same(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="did you mean 'dummy'"):
        call_command("grant_exception", str(job.pk), "--gate", "dumy", "--reason", "x", "--user", "ann")
    with pytest.raises(CommandError, match="say for how long"):
        call_command("grant_exception", "shop", "--gate", "dummy", "--reason", "x", "--user", "ann")
    with pytest.raises(CommandError, match="is no deployment"):
        call_command("grant_exception", "999", "--gate", "dummy", "--reason", "x", "--user", "ann")
    call_command("grant_exception", str(job.pk), "--gate", "dummy", "--reason", "it burns", "--user", "ann")
    assert "ann lets job" in capsys.readouterr().out
    number = GateException.objects.latest("pk").pk
    call_command("revoke_exception", number, "--user", "ann")
    with pytest.raises(CommandError, match="in force no more"):
        call_command("revoke_exception", number, "--user", "ann")
    call_command("approve", str(job.pk), "--user", "bob")
    call_command("take_back_approval", str(job.pk), "--user", "bob")
    with pytest.raises(CommandError, match="has not approved"):
        call_command("take_back_approval", str(job.pk), "--user", "bob")
