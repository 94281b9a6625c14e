"""What is said in Slack of a service that nobody has moved."""

from __future__ import annotations

import pytest

from core.api import News
from plugins.slack import messages


@pytest.mark.parametrize(
    ("state", "text", "said"),
    [
        ("unhealthy", "shop is unhealthy. 1 of 2 <tasks>", "🤒 shop is unhealthy. 1 of 2 &lt;tasks&gt;"),
        ("drifted", "shop has drifted: scaled from 1 to 2", "🧭 shop has drifted: scaled from 1 to 2"),
        ("healthy", "shop is well again, after 8 minutes", "✅ shop is well again, after 8 minutes"),
    ],
)
def test_how_a_service_is_stands_in_the_message_as_it_is_told(state: str, text: str, said: str) -> None:
    news = News(flavour="acme", key="k", state=state, text=text, service="shop", recovered=state == "healthy")
    assert messages.text(news) == said
    assert messages.blocks(news)[0]["text"]["text"] == said
    assert messages.thread(news) == "", "of no move there is nothing to add"
    assert news.kind == ("recovered" if state == "healthy" else state)
