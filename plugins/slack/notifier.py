"""Telling people in Slack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field

from core import api
from core.api import ConfigurationError, Finding, News, Notifier, secret, secret_file
from plugins.slack import client, messages

Kind = Literal["waiting", "running", "succeeded", "recovered", "failed", "cancelled", "unhealthy", "drifted"]


class SlackOptions(api.Options):
    """Where it is said, and what."""

    channel: str = Field("", description="The channel's name or id; needed with a bot token.")
    token: str = Field("slack_token", description="The secret that holds the bot token (`xoxb-…`).")
    webhook: str = Field("slack_webhook", description="The secret that holds an incoming webhook's address.")
    say: tuple[Kind, ...] = Field(
        ("waiting", "running", "succeeded", "recovered", "failed", "cancelled", "unhealthy", "drifted"),
        description="What begins a message; one that is there is always kept up to date.",
    )


class SlackNotifier(Notifier):
    """Says it by a bot, whose message is changed as a deployment goes on; or by a webhook, each time that it is over."""

    kind = "slack"
    Options = SlackOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        assert isinstance(options, SlackOptions)
        token, webhook = secret(options.token), secret(options.webhook)
        if token and options.channel:
            return await _by_bot(news, options, token, memory)
        if webhook:
            return await _by_webhook(news, options, webhook, memory)
        raise _missing(options, token)

    async def check(self, options: api.Options) -> AsyncIterator[Finding]:
        assert isinstance(options, SlackOptions)
        token, webhook = secret(options.token), secret(options.webhook)
        if token and options.channel:
            yield Finding(level="ok", text=f"{options.channel}: told by {await client.who(token, options.token)}")
        elif webhook and urlsplit(webhook.strip()).scheme in ("https", "http"):
            yield Finding(level="ok", text="Told by a webhook, which has no test: it is known when something is said")
        elif webhook:
            text, where = "The secret for the webhook is no address", secret_file(options.webhook)
            yield Finding(level="error", text=text, remedy=f"Put `https://hooks.slack.com/…` into {where}.")
        else:
            raise _missing(options, token)


def _missing(options: SlackOptions, token: str | None) -> ConfigurationError:
    if token:
        return ConfigurationError("the option `channel` is missing: which channel is to be told")
    return ConfigurationError(
        f"Slack needs a bot token, {secret_file(options.token)}, or an incoming webhook, {secret_file(options.webhook)}"
    )


async def _by_bot(news: News, options: SlackOptions, token: str, memory: Mapping[str, str]) -> Mapping[str, str] | None:
    body = {"text": messages.text(news), "blocks": messages.blocks(news)}
    said = dict(memory)
    if "ts" in said:
        try:
            await client.change(token, options.token, said["channel"], said["ts"], body)
        except client.Gone:
            said = {}
    if "ts" not in said:
        if not _is_asked_for(news, options):
            return None
        said["channel"], said["ts"] = await client.post(token, options.token, options.channel, body)
    more = messages.thread(news)
    if more and more != said.get("thread"):
        # The message stands; if this cannot be added, the message is changed to the same once more, and this added then.
        await client.post(token, options.token, said["channel"], {"text": more, "thread_ts": said["ts"]})
        said["thread"] = more
    return said


async def _by_webhook(
    news: News, options: SlackOptions, address: str, memory: Mapping[str, str]
) -> Mapping[str, str] | None:
    """A webhook cannot change what it said: that something is under way is not worth a message of its own."""
    kind = news.kind
    if kind == "running" or not _is_asked_for(news, options) or memory.get("said") == kind:
        return None
    await client.tell(address.strip(), {"text": messages.text(news), "blocks": messages.blocks(news)})
    return {"said": kind}


def _is_asked_for(news: News, options: SlackOptions) -> bool:
    kind = news.kind
    return kind in options.say or (kind == "recovered" and "succeeded" in options.say)
