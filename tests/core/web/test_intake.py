"""Webhooks before Django: cut off where they are too large, and answered as the view answers them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connection

from core.models import Delivery
from core.web import intake, webhooks
from core.web.refusals import Refusals
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)


async def post(
    *pieces: bytes, path: str = "/webhooks/dummy", method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any], int]:
    """Send a webhook; answer the status, what was said, and how much of it was read."""
    read = 0
    sent: list[dict[str, Any]] = []
    left = list(pieces)

    async def receive() -> dict[str, Any]:
        nonlocal read
        body = left.pop(0) if left else b"x" * 1_000_000
        read += len(body)
        return {"type": "http.request", "body": body, "more_body": bool(left) or not pieces}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def others(scope: object, receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    known = {"x-dummy-secret": "open sesame", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in known.items()],
    }
    await intake.webhooks_first(others)(scope, receive, send)
    # The thread's own connection would keep the test's database.
    await sync_to_async(intake._thread.submit)(connection.close)
    return sent[0]["status"], json.loads(sent[1]["body"]), read


@pytest.fixture(autouse=True)
def _first_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "refusals", Refusals())


async def test_it_is_answered_as_the_view_answers_it(dummy: Dummy) -> None:
    await sync_to_async(factories.make_repository)(name="acme/shop", source="dummy")
    status, said, _ = await post(b"acme/", b"shop")
    assert (status, said["looking_at"]) == (202, ["acme/shop"])
    assert (await post(b"acme/shop", x_dummy_secret="guess"))[0] == 403
    assert (await post(b""))[0] == 400
    assert (await post(b"acme/shop", path="/webhooks/nobody"))[0] == 404


@pytest.mark.parametrize(("path", "method"), [("/webhooks/dummy", "GET"), ("/webhooks/", "POST"), ("/jobs/", "POST")])
async def test_everything_else_is_left_to_django(dummy: Dummy, path: str, method: str) -> None:
    assert (await post(b"acme/shop", path=path, method=method))[0] == 299


async def test_what_is_too_large_is_cut_off_whatever_it_says_of_its_length(dummy: Dummy) -> None:
    status, said, read = await post(content_length="17")
    assert (status, said) == (413, {"error": "a webhook may have at most 10,000,000 bytes"})
    assert read <= webhooks.LIMIT + 1_000_000
    assert (await Delivery.objects.aget()).outcome == "a webhook may have at most 10,000,000 bytes"


async def test_what_says_that_it_is_too_large_is_not_read(dummy: Dummy) -> None:
    status, _, read = await post(content_length="99999999")
    assert (status, read) == (413, 0)


async def test_a_database_that_comes_back_is_used_again(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = webhooks.answer, [OperationalError("gone"), OperationalError("gone")]

    def answer(*arguments: Any) -> webhooks.Answer:
        if failures:
            raise failures.pop()
        return real(*arguments)

    monkeypatch.setattr(webhooks, "answer", answer)
    assert (await post(b"acme/shop"))[0] == 503
    assert (await post(b"acme/shop"))[0] == 202
    assert await Delivery.objects.acount() == 1
