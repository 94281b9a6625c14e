"""Tells people by sending JSON to an address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import requests
from pydantic import Field

from core import api
from core.api import News, Notifier, OperationError

_TIMEOUT = 15


class SkeletonOptions(api.Options):
    """Whom to tell."""

    url: str = Field(pattern="^https?://", description="Where each message is sent to, with POST.")


class SkeletonNotifier(Notifier):
    """Sends each message as JSON: its state, its text and the address of its page."""

    kind = "skeleton"
    Options = SkeletonOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> None:
        given = cast(SkeletonOptions, options)
        said = {"key": news.key, "state": news.state, "text": news.text, "url": news.url}
        # It runs on the runner's event loop: whatever blocks goes into a thread.
        await asyncio.to_thread(_send, given.url, said)


def _send(url: str, said: dict[str, str]) -> None:
    try:
        requests.post(url, json=said, timeout=_TIMEOUT, allow_redirects=False).raise_for_status()
    except requests.RequestException as error:
        # What may pass: it is tried again, with back-off.
        raise OperationError(f"{url} does not take it: {error}") from None
