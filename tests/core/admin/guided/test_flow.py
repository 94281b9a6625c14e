"""Adding a service step by step: what is kept, what is refused, what is saved."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.models import Activity, Probe, Recipe, Repository, Service
from core.services import probes
from core.states import Level
from tests import factories
from tests.core.admin.pages import Pages

pytestmark = pytest.mark.django_db
HEADS = {
    "heads": [
        {
            "ref": "refs/heads/live", "kind": "branch", "trusted": True, "hash": "a" * 40,
            "message": "<b>x</b>", "author": "A",
        }
    ],
    "count": 1, "default_branch": "live", "notice": "",
}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "heads": HEADS,
    "files": {"files": {"Dockerfile": True}},
    "build": {"unsupported": [], "places": {"linux/amd64": "engine1"}},
    "service": {"digest": "", "health": "absent", "detail": ""},
}


@pytest.fixture
def flavour():
    return factories.make_flavour("acme")


@pytest.fixture
def flow(boss: Pages, client: Client, flavour, monkeypatch) -> Client:
    """Somebody in the flow, where a runner is alive and answers at once."""
    factories.make_runner()
    asked = probes.ask

    def answered(question: Any, *rest: Any) -> Probe:
        row = asked(question, *rest)
        if row.answered_at is None:
            probes.answer(row, ANSWERS[question["ask"]], row.asked_at)
            row.refresh_from_db()
        return row

    monkeypatch.setattr(probes, "ask", answered)
    return client


def at(name: str) -> str:
    return reverse("admin:core_guided_plan") if name == "plan" else reverse("admin:core_guided_step", args=[name])


def typed(flavour: Any) -> dict[str, dict[str, Any]]:
    return {
        "repository": {"flavour": flavour.pk, "name": "acme/shop", "source": "dummy", "poll": 120, "check_refs": "on"},
        "recipe": {"name": "web", "builder": "dummy", "platforms": "linux/amd64", "timeout": 3000},
        "target": {"branch": "live", "image": "acme/shop:live", "rollout": "together", "soak": 0},
        "service": {"name": "shop", "deployer": "dummy", "notifiers": "[]"},
    }


def fill_in(flow: Client, flavour: Any, **others: dict[str, Any]) -> Any:
    for name, values in typed(flavour).items():
        answer = flow.post(at(name), {**values, **others.get(name, {}), "go": "next"})
        assert answer.status_code == 302, answer.content.decode()
    return flow.get(at("plan"))


def test_the_plan_says_what_would_be_done_and_saving_does_it(flow, flavour):
    flavour.threshold = Level.DANGEROUS
    flavour.save()
    page = fill_in(flow, flavour)
    assert [(each.step.verb, each.step.commit, each.waits) for each in page.context["steps"]] == [
        ("build", "a" * 40, False),
        ("publish", "a" * 40, True),
        ("deploy", "a" * 40, True),
    ]
    assert not Repository.objects.exists(), "a plan keeps nothing"
    assert not Activity.objects.exists()
    scope: dict[str, Any] = {}
    exec("from core.api import *", scope)
    assert eval(page.context["snippet"], scope).recipes[0].targets[0].services[0].name == "shop"
    answer = flow.post(at("plan"), {"go": "save"})
    service = Service.objects.get()
    assert answer.url == reverse("service", args=[service.pk])
    assert [(each.verb, each.label) for each in Activity.objects.order_by("pk")] == [
        ("added", "acme/shop"), ("added", "acme/shop: web"), ("added", "live as acme/shop:live"), ("added", "shop"),
    ]  # fmt: skip
    # A second click leads to the same place, and adds nothing.
    assert flow.post(at("plan"), {"go": "save"}).url == answer.url
    assert Service.objects.count() == 1


def test_what_is_wrong_is_told_and_nothing_typed_is_lost(flow, flavour):
    answer = flow.post(at("repository"), {**typed(flavour)["repository"], "name": "no owner", "go": "next"})
    assert b"it is `owner/name`" in answer.content
    assert b'value="no owner"' in answer.content
    assert b'value="no owner"' in flow.get(at("repository")).content
    assert flow.get(at("service")).url == at("repository"), "nobody gets ahead of what is missing"


def test_what_cannot_be_verified_has_to_be_confirmed(flow, flavour):
    page = fill_in(flow, flavour, target={"branch": "prod"})
    [trouble] = page.context["troubles"]
    assert "There is no branch prod; there are: live" in trouble.text
    assert b"confirm" in flow.post(at("plan"), {"go": "save"}).content
    assert not Service.objects.exists()
    flow.post(at("plan"), {"go": "save", "confirmed": "yes"})
    assert Service.objects.get().target.branch == "prod"


def test_where_no_runner_is_alive_it_says_so(boss, client, flavour):
    client.post(at("repository"), {**typed(flavour)["repository"], "go": "check"})
    assert b"No runner is alive" in client.get(at("repository")).content


def test_a_name_that_was_taken_meanwhile_is_refused_kindly(flow, flavour):
    fill_in(flow, flavour)
    factories.make_repository("acme/shop", flavour=flavour)
    answer = flow.post(at("plan"), {"go": "save", "confirmed": "yes"}, follow=True)
    assert answer.redirect_chain[-1][0] == at("repository")
    assert not Service.objects.exists()
    assert b'value="acme/shop"' in answer.content


def test_a_service_is_added_to_what_is_there(flow, flavour):
    recipe = factories.make_recipe(repository=factories.make_repository("acme/old", flavour=flavour, origin="f.py"))
    flow.get(reverse("admin:core_guided"), {"repository": recipe.repository_id})
    flow.post(at("recipe"), {"existing": recipe.pk, "go": "next"})
    for name in ("target", "service"):
        flow.post(at(name), {**typed(flavour)[name], "go": "next"})
    page = flow.get(at("plan"))
    assert page.context["snippet"].startswith("Target(")
    assert [each.step.verb for each in page.context["steps"]] == ["build", "publish", "deploy"]
    flow.post(at("plan"), {"go": "save"})
    assert Service.objects.get().target.recipe == recipe
    assert Recipe.objects.count() == 1


def test_findings_are_escaped_and_a_piece_of_the_page(flow, flavour):
    fill_in(flow, flavour)
    answer = flow.get(reverse("admin:core_guided_findings", args=["target"]))
    assert b"&lt;b&gt;x&lt;/b&gt;" in answer.content
    assert b'data-waits="no"' in answer.content


def test_who_may_not_add_is_refused(staff, client, flavour):
    staff("view_service")
    for name in ("repository", "plan"):
        assert client.get(at(name)).status_code == 403
        assert client.post(at(name), {"go": "save"}).status_code == 403


def test_the_plan_says_what_would_hold_the_first_deployment(flow, flavour):
    factories.make_hold(flavour=flavour, reason="the fair is on")
    fill_in(flow, flavour)
    page = flow.get(at("plan")).content.decode()
    deploy = next(row for row in page.split("<tr>") if "<strong>deploy</strong>" in row)
    assert "is frozen by" in deploy
    assert "the fair is on" in deploy
    assert page.count("the fair is on") == 1
