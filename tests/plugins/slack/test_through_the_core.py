"""From a deployment to what stands in Slack: queued, told, remembered, changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.utils import timezone

from core.engine import looks
from core.models import Flavour, Message, Repository
from core.services import messages
from core.states import JobState
from tests.core import shop
from tests.plugins.slack.slack_server import TOKEN, Slack, slack_server

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with slack_server() as slack:
        monkeypatch.setenv("DEPLOYER_SLACK_URL", f"{slack.url}/api")
        monkeypatch.setenv("DEPLOYER_SECRET_SLACK_TOKEN", TOKEN)
        yield slack
    assert not slack.violations, slack.violations


@pytest.fixture
def repository(slack: Slack) -> Repository:
    repository = shop.declare()
    Flavour.objects.update(notifiers=[["slack", {"channel": "#ops"}]], base_url="https://d.example.org")
    return Repository.objects.get(pk=repository.pk)


def tell_all() -> None:
    """Send what is to be sent, however soon it comes after what was sent before."""

    async def in_database(function: Callable[[], Any]) -> Any:
        return await sync_to_async(function, thread_sensitive=True)()

    for message in messages.claim(timezone.now() + timedelta(minutes=1), timedelta(seconds=60), limit=10):
        async_to_sync(looks.tell)(message, in_database)


def push(repository: Repository, commit: str) -> None:
    shop.look(repository, live=commit)
    shop.settle(repository)


def until_the_move(repository: Repository) -> None:
    """Let everything before the move end."""
    for _ in range(2):
        for job in shop.claim():
            shop.finish(job)
        shop.settle(repository)


def test_a_move_that_fails_and_the_one_that_mends_it(repository: Repository, slack: Slack) -> None:
    push(repository, "one")
    until_the_move(repository)
    (job,) = shop.claim()
    tell_all()
    (message,) = slack.messages
    assert "is being moved" in message.text
    shop.finish(job, JobState.FAILED, reason="it is not healthy: 500")
    tell_all()
    assert "was not moved" in message.text
    assert "it is not healthy: 500" in slack.threads(message.ts)[0]
    push(repository, "two")
    until_the_move(repository)
    (job,) = shop.claim()
    shop.finish(job)
    tell_all()
    last = slack.messages[-2]
    assert "has recovered and is live" in last.text
    assert slack.threads(last.ts) == ["The move before this one had failed."]
    assert not Message.objects.exclude(error="").exists()


def test_slack_may_be_away_without_anything_else_waiting(repository: Repository, slack: Slack) -> None:
    slack.errors += [(503, "down", {})] * 2
    push(repository, "one")
    until_the_move(repository)
    (job,) = shop.claim()
    tell_all()
    shop.finish(job)
    tell_all()
    repository.refresh_from_db()
    message = Message.objects.get()
    assert message.failures == 2
    assert "Slack" in message.error
    Message.objects.update(next_attempt_at=timezone.now())
    tell_all()
    assert "is live" in slack.messages[0].text
