"""A flood: what comes too often is refused before it costs anything, is told when to come again, and loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core import limits
from core.limits import Limit, network
from core.models import Delivery, Repository
from core.rest import tokens as rest_tokens
from core.services import tokens
from core.states import TokenScope
from core.web import login, webhooks
from core.web.refusals import Refusals
from tests import factories
from tests.core.web.test_intake import post
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few(settings: Any, monkeypatch: Any) -> Iterator[None]:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"webhooks_per_minute": 20, "costly_calls_per_minute": 3})
    monkeypatch.setattr(limits.time, "time", lambda: 900_000_010.0)
    monkeypatch.setattr(webhooks, "refusals", Refusals())
    monkeypatch.setattr(rest_tokens, "_MOST_REFUSED", 3)
    monkeypatch.setattr(login, "_RETURNS", 3)
    every = (webhooks._by_address, webhooks._by_repository, limits._costly, rest_tokens._refused, login._returns)
    for each in every:
        each.clear()
    yield
    for each in every:
        each.clear()


def send(body: str = "acme/shop", address: str = "192.0.2.1", secret: str = "open sesame") -> Any:
    client = Client(REMOTE_ADDR=address)
    return client.post("/webhooks/dummy", body, content_type="text/plain", headers={"X-Dummy-Secret": secret})


def test_an_address_that_sends_too_many_webhooks_is_held_back_and_others_are_not(dummy: Dummy) -> None:
    for number in range(20):
        assert send(f"acme/{number}").status_code == 202
    answer = send("acme/20")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "51")
    assert "DEPLOYER_WEBHOOKS_PER_MINUTE" in answer.json()["error"]
    assert send("acme/21", "192.0.2.2").status_code == 202
    assert Delivery.objects.filter(event="refused").count() == 1


def test_what_is_forged_counts_too_and_is_not_read(dummy: Dummy, monkeypatch: Any) -> None:
    for _ in range(20):
        assert send(secret="guess").status_code == 403
    monkeypatch.setattr(Dummy, "source", property(lambda _: pytest.fail("it was read")), raising=False)
    assert send(secret="guess").status_code == 429


def test_one_repository_is_named_only_so_often_and_nothing_is_lost(dummy: Dummy) -> None:
    repository = factories.make_repository("acme/shop", source="dummy")
    answers = [send(address=f"192.0.2.{number}").status_code for number in range(4)]
    assert answers == [202, 202, 429, 429]
    assert send("acme/other", "192.0.2.9").status_code == 202
    # The next look is at its time all the same.
    assert Repository.objects.get(pk=repository.pk).next_look_at <= timezone.now()


@pytest.mark.django_db(transaction=True)
async def test_it_is_refused_before_its_body_is_read(dummy: Dummy) -> None:
    for _ in range(20):
        webhooks.wait("")
    status, said, read = await post(b"acme/shop")
    assert (status, read) == (429, 0)
    assert said["retry_after"] == 51


def test_tokens_that_are_not_known_are_refused_for_a_while_and_those_that_are_never() -> None:
    _, text = tokens.make(factories.make_user("ann"), "x", [TokenScope.READ])
    answers = [Client().get("/api/jobs", headers={"Authorization": f"Bearer guess{n}"}) for n in range(5)]
    assert [each.status_code for each in answers] == [401, 401, 401, 429, 429]
    assert answers[-1].headers["Retry-After"] == "51"
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert Client().get("/api/jobs", headers={"Authorization": f"Bearer {text}"}).status_code == 200


def test_what_is_costly_is_answered_only_so_often_to_each() -> None:
    answers = [Client().get("/api/search/logs", {"q": "x"}) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "51"
    page = Client().get("/search/", {"q": "x", "logs": "1"})
    assert (page.status_code, page.headers["Retry-After"]) == (429, "51")
    assert "search again in 51 s" in page.content.decode()
    assert Client().get("/search/", {"q": "x"}).status_code == 200
    ann = Client()
    ann.force_login(factories.make_user("ann"), backend="django.contrib.auth.backends.ModelBackend")
    assert ann.get("/api/search/logs", {"q": "x"}).status_code == 200


def test_those_who_come_back_from_a_login_elsewhere_are_counted() -> None:
    answers = [Client().get("/login/github/callback", {"state": "x"}).status_code for _ in range(4)]
    assert answers[-1] == 429
    assert 429 not in answers[:-1]


def test_with_0_there_is_no_limit_and_whoever_has_many_addresses_is_one() -> None:
    limit = Limit()
    assert not any(limit.take("x", 0) for _ in range(100))
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::1") != network("2001:db8:1:3::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") == "192.0.2.1"
    assert network("testclient") == "testclient"


def test_it_needs_no_more_memory_the_more_there_are(monkeypatch: Any) -> None:
    monkeypatch.setattr(limits, "_KEYS", 10)
    limit = Limit()
    assert [limit.take(f"{n}", 1) for n in range(100)] == [0] * 100
    assert len(limit._counts) == 10
    assert limit.take("3", 1) == 51
