"""Live pages: what another version's process may send is no reason to close them."""

from __future__ import annotations

import pytest
from asgiref.testing import ApplicationCommunicator

from core.services import hints
from core.web.consumers import EventsConsumer


@pytest.mark.django_db(transaction=True)
async def test_a_hint_of_another_version_is_ignored() -> None:
    page = ApplicationCommunicator(EventsConsumer.as_asgi(), {"type": "websocket", "path": "/live"})
    await page.send_input({"type": "websocket.connect"})
    assert (await page.receive_output(10))["type"] == "websocket.accept"
    await hints.layer().group_send(hints.PAGES, {"type": "novelty.of_tomorrow", "more": 1})
    await hints.layer().group_send(hints.PAGES, {"type": "changed"})
    said = await page.receive_output(10)
    assert (said["type"], said["text"]) == ("websocket.send", '{"type": "changed"}')
    await page.send_input({"type": "websocket.disconnect", "code": 1000})
    await page.wait(10)
