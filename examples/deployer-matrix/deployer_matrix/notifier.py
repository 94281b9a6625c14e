"""Telling people in Matrix."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from core import api
from core.api import ConfigurationError, Finding, News, Notifier, secret, secret_file
from deployer_matrix import conversation
from deployer_matrix.checks import findings
from deployer_matrix.client import Homeserver
from deployer_matrix.options import MatrixOptions


class MatrixNotifier(Notifier):
    """Says it as a bot, whose message is edited as a deployment goes on."""

    kind = "matrix"
    Options = MatrixOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        assert isinstance(options, MatrixOptions)
        begin = _is_asked_for(news, options)
        if not memory and not begin:
            return None
        async with _homeserver(options) as server:
            return await conversation.tell(server, options.room, news, memory, begin=begin)

    async def check(self, options: api.Options) -> AsyncIterator[Finding]:
        assert isinstance(options, MatrixOptions)
        async with _homeserver(options) as server:
            async for finding in findings(server, options):
                yield finding


def _homeserver(options: MatrixOptions) -> Homeserver:
    token = (secret(options.token) or "").strip()
    if not token:
        raise ConfigurationError(f"Matrix needs the bot's access token: put it into {secret_file(options.token)}")
    return Homeserver(options.homeserver, token, options.token)


def _is_asked_for(news: News, options: MatrixOptions) -> bool:
    kind = news.kind
    return kind in options.say or (kind == "recovered" and "succeeded" in options.say)
