"""The notifier for Slack against a Slack that takes what its documentation allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from pydantic import ValidationError

from core.api import Commit, ConfigurationError, News, Notifier, OperationError, Options, Waiting
from core.testing.conformance.notifiers import NotifierConformance
from plugins.slack.notifier import SlackNotifier, SlackOptions
from tests.plugins.slack.slack_server import TOKEN, Slack, slack_server

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NEWS = News(
    flavour="acme",
    key="deployment-7",
    state="running",
    text="Deploy aaaaaaaaaa as shop: running",
    url="https://d.example.org/jobs/1/",
    service="shop",
    repository="acme/shop",
    commit=Commit(hash="a" * 40, message="Mend the till & say <hello>\n\nAt length.", author="A. Author"),
    commit_url="https://github.com/acme/shop/commit/aaaa",
    service_url="https://d.example.org/services/1/",
    uri="https://shop.example.org",
    started_at=AT,
)
FAILED = replace(NEWS, state="failed", reason="it is not healthy: 500", finished_at=AT + timedelta(seconds=8))
DONE = replace(NEWS, state="succeeded", finished_at=AT + timedelta(seconds=8))


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    with slack_server() as slack:
        monkeypatch.setenv("DEPLOYER_SLACK_URL", f"{slack.url}/api")
        yield slack
    assert not slack.violations, slack.violations


@pytest.fixture
def bot(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Slack:
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_TOKEN", TOKEN)
    return slack


@pytest.fixture
def webhook(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> Slack:
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_WEBHOOK", f"{slack.url}/services/T01/B01/secret")
    return slack


async def tell(*news: News, memory: Mapping[str, str] | None = None, **options: object) -> Mapping[str, str]:
    """Tell news of one key, one after the other, as the core does."""
    kept = memory or {}
    for each in news:
        answer = await SlackNotifier().notify(each, SlackOptions(**{"channel": "#ops", **options}), kept)
        kept = kept if answer is None else answer
    return kept


class Common(NotifierConformance):
    @pytest.fixture
    def notifier(self) -> Notifier:
        return SlackNotifier()

    @pytest.fixture
    def heard(self, slack: Slack) -> Callable[[], Sequence[str]]:
        return lambda: [unescape(message.text) for message in slack.messages]


class TestByBot(Common):
    @pytest.fixture
    def options(self, bot: Slack) -> Options:
        return SlackOptions(channel="#ops")

    @pytest.fixture
    def unreachable(self, bot: Slack, monkeypatch: pytest.MonkeyPatch) -> Options:
        monkeypatch.setenv("DEPLOYER_SLACK_URL", "http://127.0.0.1:1/api")
        return SlackOptions(channel="#ops")


class TestByWebhook(Common):
    @pytest.fixture
    def options(self, webhook: Slack) -> Options:
        return SlackOptions()

    @pytest.fixture
    def unreachable(self, webhook: Slack, monkeypatch: pytest.MonkeyPatch) -> Options:
        monkeypatch.setenv("DEPLOYER_SECRET_SLACK_WEBHOOK", "http://127.0.0.1:1/services/T/B/x")
        return SlackOptions()


# By a bot


async def test_a_deployment_is_one_message_that_changes(bot: Slack) -> None:
    await tell(NEWS, DONE)
    (message,) = bot.messages
    assert message.changes == 1
    assert "is live" in message.text
    assert "took 8 s" in str(message.body["blocks"])


async def test_a_message_links_to_commit_page_log_and_site(bot: Slack) -> None:
    await tell(NEWS)
    said = str(bot.messages[0].body["blocks"])
    for link in (
        "<https://github.com/acme/shop/commit/aaaa|aaaaaaaaaa>",
        "<https://d.example.org/jobs/1/|log>",
        "<https://d.example.org/services/1/|service>",
        "<https://shop.example.org|site>",
    ):
        assert link in said


async def test_what_stands_in_a_commits_message_mentions_nobody(bot: Slack) -> None:
    commit = Commit(hash="a" * 40, message="<!channel> <@U1> & <https://evil|click>")
    await tell(replace(NEWS, commit=commit, service="<!here>", commit_url="https://x/|y>z"))
    said = bot.messages[0].text
    assert "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;https://evil|click&gt;" in said
    assert "<!here>" not in said


async def test_why_it_failed_is_told_in_the_thread_once(bot: Slack) -> None:
    memory = await tell(NEWS, FAILED)
    await tell(FAILED, memory=memory)
    (message, _) = bot.messages
    (reason,) = bot.threads(message.ts)
    assert "it is not healthy: 500" in reason
    assert "<https://d.example.org/jobs/1/|log>" in reason


async def test_recovery_is_told_as_such(bot: Slack) -> None:
    await tell(replace(DONE, recovered=True))
    message = bot.messages[0]
    assert "has recovered and is live" in message.text
    assert bot.threads(message.ts) == ["The move before this one had failed."]


async def test_who_has_to_approve_is_told_where(bot: Slack) -> None:
    await tell(replace(NEWS, state="queued", waiting=True))
    message = bot.messages[0]
    assert "waits for approval" in message.text
    assert bot.threads(message.ts) == ["Approve it on <https://d.example.org/jobs/1/|its page>."]


async def test_nobody_is_told_of_what_came_to_nothing_but_a_message_that_is_there_says_so(bot: Slack) -> None:
    gone = replace(NEWS, state="cancelled", withdrawn=True)
    await tell(gone)
    assert bot.messages == []
    await tell(NEWS, gone)
    assert "something newer took its place" in bot.messages[0].text


async def test_a_quiet_channel_hears_of_failures_and_recoveries_alone(bot: Slack) -> None:
    quiet = {"say": ("failed", "recovered")}
    await tell(NEWS, DONE, **quiet)
    assert bot.messages == []
    await tell(NEWS, FAILED, **quiet)
    await tell(NEWS, replace(DONE, recovered=True), **quiet)
    assert len([message for message in bot.messages if not message.thread]) == 2


async def test_who_wants_to_hear_of_successes_hears_of_recoveries(bot: Slack) -> None:
    await tell(replace(DONE, recovered=True), say=("succeeded",))
    assert len([message for message in bot.messages if not message.thread]) == 1


async def test_a_message_that_somebody_deleted_is_posted_anew(bot: Slack) -> None:
    memory = await tell(NEWS)
    bot.messages.clear()
    again = await tell(DONE, memory=memory)
    assert "is live" in bot.messages[0].text
    assert again["ts"] == bot.messages[0].ts


async def test_each_deployment_has_a_message_of_its_own_and_each_channel_too(bot: Slack) -> None:
    await tell(NEWS)
    await tell(replace(NEWS, key="deployment-8"))
    await tell(NEWS, channel="#shop")
    assert [message.channel for message in bot.messages] == ["C01", "C01", "C02"]


async def test_long_texts_are_cut(bot: Slack) -> None:
    commit = Commit(hash="a" * 40, message="x" * 10_000)
    await tell(replace(FAILED, commit=commit, reason="y" * 10_000, service="s" * 5000))
    assert len(bot.messages) == 2


# What goes wrong


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        ("invalid_auth", "bot token into the secret `slack_token`"),
        ("channel_not_found", "correct the option `channel`"),
        ("not_in_channel", "invite the app"),
        ("is_archived", "choose another one"),
        ("missing_scope", "chat:write"),
        ("something_new", "something_new"),
    ],
)
async def test_a_refusal_says_what_to_do(bot: Slack, error: str, remedy: str) -> None:
    bot.errors.append((200, error, {}))
    with pytest.raises(OperationError, match=remedy):
        await tell(NEWS)


@pytest.mark.parametrize(("status", "error"), [(429, "ratelimited"), (200, "ratelimited")])
async def test_slacks_pause_is_kept(bot: Slack, status: int, error: str) -> None:
    bot.errors.append((status, error, {"Retry-After": "17"}))
    with pytest.raises(Waiting) as caught:
        await tell(NEWS)
    assert caught.value.retry_in == 17


async def test_an_error_of_slacks_own_is_tried_again(bot: Slack) -> None:
    bot.errors.append((503, "service_unavailable", {}))
    with pytest.raises(OperationError):
        await tell(NEWS)
    await tell(NEWS)
    assert len(bot.messages) == 1


async def test_a_wrong_token_is_no_secret_that_shows(bot: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_TOKEN", "xoxb-wrong")
    with pytest.raises(OperationError) as caught:
        await tell(NEWS)
    assert "xoxb" not in str(caught.value)


async def test_without_either_it_says_what_to_set(slack: Slack) -> None:
    with pytest.raises(ConfigurationError, match=r"DEPLOYER_SECRET_SLACK_TOKEN.*DEPLOYER_SECRET_SLACK_WEBHOOK"):
        await tell(NEWS)


async def test_a_token_without_a_channel_says_what_is_missing(bot: Slack) -> None:
    with pytest.raises(ConfigurationError, match="option `channel` is missing"):
        await tell(NEWS, channel="")


def test_what_cannot_be_said_is_refused_when_it_is_declared() -> None:
    with pytest.raises(ValidationError):
        SlackOptions(say=("everything",))


# By a webhook


async def test_a_webhook_says_the_end_alone(webhook: Slack) -> None:
    await tell(NEWS, DONE, DONE)
    (message,) = webhook.messages
    assert "is live" in message.text


async def test_a_webhook_that_was_removed_says_what_to_do_without_its_address(
    webhook: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_WEBHOOK", f"{webhook.url}/services/T01/B01/other")
    with pytest.raises(OperationError, match=r"no_service.*make another one") as caught:
        await tell(DONE)
    assert "T01/B01" not in str(caught.value)


async def test_a_bot_comes_first(bot: Slack, webhook: Slack) -> None:
    await tell(DONE)
    assert bot.messages[0].channel == "C01"


async def checked(**options: object) -> list[tuple[str, str]]:
    found = SlackNotifier().check(SlackOptions.model_validate(options))
    return [(each.level, each.text) async for each in found]


async def test_the_doctor_is_told_as_whom_it_speaks_and_nothing_is_said(bot: Slack) -> None:
    assert await checked(channel="#ops") == [("ok", "#ops: told by deployer in Acme")]
    assert bot.messages == []
    assert bot.calls == ["/api/auth.test"]


async def test_the_doctor_is_told_what_is_missing(slack: Slack, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="needs a bot token"):
        await checked(channel="#ops")
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_WEBHOOK", "T01/B01/secret")
    [(level, text)] = await checked()
    assert (level, "secret" in text and "T01" not in text) == ("error", True)
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_WEBHOOK", f"{slack.url}/services/T01/B01/secret")
    [(level, text)] = await checked()
    assert (level, "no test" in text) == ("ok", True)
    monkeypatch.setenv("DEPLOYER_SECRET_SLACK_TOKEN", "xoxb-wrong")
    with pytest.raises(OperationError, match="invalid_auth"):
        await checked(channel="#ops")
    assert slack.messages == []
