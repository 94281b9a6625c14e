"""Webhooks: what they say is checked by their source, and leads to a look and nothing else."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.models import Delivery, Job, Repository
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import declarations
from core.web import refusals, webhooks
from core.web.refusals import Refusals
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _first_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "refusals", Refusals())


@pytest.fixture
def repository(dummy: Dummy) -> Repository:
    declarations.apply(declaration.Flavour("acme", [declaration.Repository("acme/shop", Use("dummy"))]), "tests")
    Repository.objects.update(next_look_at=timezone.now() + timedelta(hours=1))
    return Repository.objects.get()


def post(client: Client, kind: str = "dummy", body: bytes = b"acme/shop", secret: str = "open sesame"):  # type: ignore[no-untyped-def]
    return client.post(f"/webhooks/{kind}", body, content_type="text/plain", headers={"X-Dummy-Secret": secret})


def is_due(repository: Repository) -> bool:
    repository.refresh_from_db()
    return repository.next_look_at <= timezone.now()


def test_a_webhook_leads_to_a_look_and_says_at_what(client: Client, repository: Repository) -> None:
    answer = post(client)
    assert answer.status_code == 202
    assert (answer.json()["looking_at"], answer.json()["outcome"]) == (["acme/shop"], "looked at acme/shop")
    assert is_due(repository)
    assert not Job.objects.exists()


def test_one_that_is_sent_again_is_said_to_be_known(client: Client, repository: Repository, dummy: Dummy) -> None:
    dummy.source.delivery = "the same"
    assert post(client).status_code == 202
    Repository.objects.update(next_look_at=timezone.now() + timedelta(hours=1))
    answer = post(client)
    assert answer.status_code == 200
    assert answer.json() == {"delivery": "the same", "seen": True, "outcome": "looked at acme/shop"}
    assert not is_due(repository)


def test_those_without_an_id_are_all_new(client: Client, repository: Repository) -> None:
    for _ in range(3):
        assert post(client).status_code == 202
    assert Delivery.objects.count() == 3


def test_an_unknown_repository_is_no_error(client: Client, repository: Repository) -> None:
    answer = post(client, body=b"acme/other").json()
    assert (answer["looking_at"], answer["outcome"]) == ([], "no repository of this name is declared")
    assert not is_due(repository)


@pytest.mark.parametrize(
    ("kind", "body", "secret", "status"),
    [
        pytest.param("dummy", b"acme/shop", "guess", 403, id="a wrong secret"),
        pytest.param("dummy", b"", "open sesame", 400, id="nothing in it"),
        pytest.param("nobody", b"acme/shop", "open sesame", 404, id="an unknown source"),
        pytest.param("dummy", b"x" * 10_000_001, "open sesame", 413, id="too large"),
    ],
)
def test_what_cannot_be_believed_or_read_is_refused(
    client: Client, repository: Repository, kind: str, body: bytes, secret: str, status: int
) -> None:
    answer = post(client, kind, body, secret)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not is_due(repository)


def test_what_is_refused_over_and_over_is_one_line(
    client: Client, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "_BETWEEN", 0.0)
    for _ in range(5):
        post(client, secret="guess")
    row = Delivery.objects.get()
    assert (row.event, row.count, row.outcome) == ("refused", 5, "the header X-Dummy-Secret is wrong")
    assert "refused: the header X-Dummy-Secret is wrong" in client.get("/deliveries/").content.decode()


def test_refusals_are_written_down_once_a_second_at_most(client: Client, repository: Repository) -> None:
    post(client, secret="guess")
    # However long the rest takes here, it is within the second.
    webhooks.refusals._again_at = math.inf
    for _ in range(19):
        post(client, secret="guess")
    for _ in range(20):
        post(client, body=b"")
    assert Delivery.objects.get().count == 1
    # After it, all that were counted meanwhile are written down with the next.
    webhooks.refusals._again_at = 0.0
    post(client, body=b"")
    assert dict(Delivery.objects.values_list("outcome", "count")) == {
        "the header X-Dummy-Secret is wrong": 20,
        "the body has to name a repository": 21,
    }


def test_what_is_sent_to_sources_that_there_are_not_is_not_written_down(client: Client) -> None:
    refusals.Refusals().note("nobody", "it is too large")
    assert not Delivery.objects.exists()


def test_the_page_lists_what_each_led_to(client: Client, repository: Repository) -> None:
    assert "No webhook has arrived yet" in client.get("/deliveries/").content.decode()
    post(client)
    post(client, body=b"acme/<b>other")
    client.force_login(factories.make_user())
    page = client.get("/deliveries/").content.decode()
    assert "looked at acme/shop" in page
    assert f'<a href="/repositories/{repository.pk}/">acme/shop</a>' in page
    assert "acme/&lt;b&gt;other" in page
    assert [(each["repositories"], each["outcome"]) for each in client.get("/api/deliveries").json()["items"]] == [
        (["acme/<b>other"], "no repository of this name is declared"),
        (["acme/shop"], "looked at acme/shop"),
    ]


def test_strangers_see_nothing_of_repositories_that_are_not_declared(client: Client, repository: Repository) -> None:
    """An app may be installed for all of an organisation, and tell of what nobody else knows of."""
    about = {"source": "dummy", "event": "push", "outcome": "no repository of this name is declared"}
    factories.make_delivery(**about, repositories=["acme/secret"], sender="mallory")
    asked = {"verb": "rebuild", "repository": "acme/secret", "commit": "1" * 40, "person": "github:mallory"}
    factories.make_delivery(**about, asked=[asked], sender="mallory")
    factories.make_delivery(**about, repositories=["Acme/Shop", "acme/secret"], sender="alice")
    seen = client.get("/deliveries/").content.decode() + client.get("/api/deliveries").content.decode()
    assert "alice" in seen
    assert "Acme/Shop" in seen
    assert "acme/secret" not in seen
    assert "mallory" not in seen
    client.force_login(factories.make_user())
    assert "acme/secret" in client.get("/deliveries/").content.decode()


def test_the_page_says_how_each_source_is_to_send_them(client: Client, repository: Repository, dummy: Dummy) -> None:
    page = client.get("/deliveries/").content.decode()
    assert "/webhooks/dummy</code>" in page
    assert dummy.source.webhook_setup() in page
    assert "/webhooks/git<" not in page
