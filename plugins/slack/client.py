"""Talking to Slack: the one file that sends anything. By Slack's own SDK, in a thread, as that blocks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk import WebClient, WebhookClient
from slack_sdk.errors import SlackApiError, SlackClientError

from core.api import OperationError, Waiting

#: Where Slack's Web API is; tests set it.
_URL = "DEPLOYER_SLACK_URL"
_TIMEOUT = 15
#: Seconds to wait where Slack asks for a pause and does not say how long.
_PAUSE = 30.0

#: What to do about Slack's errors (docs.slack.dev, chat.postMessage, "Errors").
_REMEDIES = {
    "invalid_auth": "put the app's bot token into the secret `{secret}`",
    "not_authed": "put the app's bot token into the secret `{secret}`",
    "token_revoked": "install the app anew, and put its bot token into the secret `{secret}`",
    "token_expired": "install the app anew, and put its bot token into the secret `{secret}`",
    "account_inactive": "install the app anew, and put its bot token into the secret `{secret}`",
    "missing_scope": "give the app the scope chat:write, and install it anew",
    "channel_not_found": "correct the option `channel`, or invite the app to it if it is private",
    "not_in_channel": "invite the app to the channel, or give it the scope chat:write.public",
    "is_archived": "the channel is archived: choose another one in the option `channel`",
}
#: Errors that say that a message cannot be changed any more.
GONE = ("message_not_found", "cant_update_message", "edit_window_closed")


class Gone(OperationError):  # noqa: N818  as its siblings in the core
    """The message that was to be changed is there no more."""


async def who(token: str, secret: str) -> str:
    """Tell as whom a token speaks: the bot and its workspace (docs.slack.dev, auth.test; it needs no scope).

    :raises OperationError: see `post`.
    """
    answer = await _ask(secret, lambda: _web(token).auth_test())
    return f"{answer.get('user', 'a bot')} in {answer.get('team', 'a workspace')}"


async def post(token: str, secret: str, channel: str, body: Mapping[str, Any]) -> tuple[str, str]:
    """Post a message as the bot; answer the channel's id and the message's time stamp, which name it.

    :raises OperationError: Slack does not answer, or refuses; says what to do.
    """
    answer = await _ask(secret, lambda: _web(token).chat_postMessage(channel=channel, unfurl_links=False, **body))
    return str(answer["channel"]), str(answer["ts"])


async def change(token: str, secret: str, channel: str, ts: str, body: Mapping[str, Any]) -> None:
    """Change a message.

    :raises Gone: it was deleted, or cannot be changed any more.
    :raises OperationError: see `post`.
    """
    await _ask(secret, lambda: _web(token).chat_update(channel=channel, ts=ts, **body))


async def tell(url: str, body: Mapping[str, Any]) -> None:
    """Post a message by an incoming webhook.

    :raises OperationError: Slack does not answer, or refuses.
    """
    try:
        answer = await asyncio.to_thread(WebhookClient(url, timeout=_TIMEOUT).send, **body)
    except (SlackClientError, OSError, ValueError) as error:
        raise OperationError(f"Slack cannot be reached: {_without(url, str(error))}") from None
    if answer.status_code == 429:
        raise Waiting("Slack asks for a pause", retry_in=_pause(answer.headers))
    if answer.status_code != 200:
        said = f"{answer.status_code} {answer.body.strip()[:200]}"
        raise OperationError(
            f"Slack refused the webhook ({said}): make another one, and put its address into the secret"
        )


def _web(token: str) -> WebClient:
    base = os.environ.get(_URL, "https://slack.com/api").rstrip("/") + "/"
    return WebClient(token=token, base_url=base, timeout=_TIMEOUT)


async def _ask(secret: str, call: Callable[[], Any]) -> Any:
    try:
        return await asyncio.to_thread(call)
    except SlackApiError as error:
        raise _refused(secret, error) from None
    except (SlackClientError, OSError, ValueError) as error:
        raise OperationError(f"Slack cannot be reached: {error}") from None


def _refused(secret: str, error: SlackApiError) -> OperationError:
    # Of an answer that is no JSON the SDK keeps the text.
    response: Any = error.response
    said = str(response.get("error", "")) if isinstance(response.data, dict) else f"{response.status_code}"
    if said == "ratelimited" or response.status_code == 429:
        return Waiting("Slack asks for a pause", retry_in=_pause(response.headers))
    if said in GONE:
        return Gone(f"Slack: {said}")
    remedy = _REMEDIES.get(said, "").format(secret=secret)
    return OperationError(f"Slack refused it ({said})" + (f": {remedy}" if remedy else ""))


def _pause(headers: Mapping[str, Any]) -> float:
    value = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    text = str(value[0] if isinstance(value, list) and value else value)
    return max(float(text), 1.0) if text.isdigit() else _PAUSE


def _without(url: str, text: str) -> str:
    """A text without the webhook's address, which whoever knows it can use."""
    return text.replace(url, "its webhook")
