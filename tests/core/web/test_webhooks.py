"""Webhooks: what they say is checked by their source, and leads to a look and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.models import Delivery, Job, Repository
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import declarations
from core.web import webhooks
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _first_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "_last_refusal", 0.0)


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


def test_one_that_is_repeated_changes_nothing_more(client: Client, repository: Repository) -> None:
    for _ in range(3):
        assert post(client).status_code == 202


def test_an_unknown_repository_is_no_error(client: Client, repository: Repository) -> None:
    answer = post(client, body=b"acme/other").json()
    assert (answer["looking_at"], answer["outcome"]) == ([], "no repository of this name is declared: acme/other")
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
    monkeypatch.setattr(webhooks, "_BETWEEN_REFUSALS", 0.0)
    for _ in range(5):
        post(client, secret="guess")
    row = Delivery.objects.get()
    assert (row.event, row.count, row.outcome) == ("refused", 5, "the header X-Dummy-Secret is wrong")
    assert "refused: the header X-Dummy-Secret is wrong" in client.get("/deliveries/").content.decode()


def test_refusals_are_written_down_once_a_second_at_most(client: Client, repository: Repository) -> None:
    for _ in range(20):
        post(client, secret="guess")
    assert sum(Delivery.objects.values_list("count", flat=True)) <= 2


def test_the_page_lists_what_each_led_to(client: Client, repository: Repository) -> None:
    assert "No webhook has arrived yet" in client.get("/deliveries/").content.decode()
    post(client)
    post(client, body=b"acme/<b>other")
    page = client.get("/deliveries/").content.decode()
    assert "looked at acme/shop" in page
    assert "acme/&lt;b&gt;other" in page
    assert [each["outcome"] for each in client.get("/api/deliveries").json()["items"]] == [
        "no repository of this name is declared: acme/<b>other",
        "looked at acme/shop",
    ]
