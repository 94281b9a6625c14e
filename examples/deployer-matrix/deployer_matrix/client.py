"""Talking to a homeserver: the one file that sends anything (Matrix's client-server API, over HTTPS)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from core.api import ConfigurationError, OperationError, Waiting, secret_file

#: Seconds for each question. The deployer gives up telling one piece of news after 30.
_TIMEOUT = 10.0
#: Bytes of an answer that are read: more is not one.
_MOST = 4 << 20
#: Characters of what a homeserver says of an error.
_LONGEST = 200
#: Seconds to wait where a pause is asked for and not how long, and at most.
_PAUSE, _LONGEST_PAUSE = 10.0, 3600.0
_TOKEN_ERRORS = ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED", "M_USER_LOCKED", "M_USER_SUSPENDED")


class Refused(OperationError):  # noqa: N818  as its siblings in the deployer
    """The homeserver does not do what was asked.

    :ivar code: which of Matrix's errors it is: `M_FORBIDDEN`.
    :ivar status: of HTTP.
    """

    def __init__(self, host: str, code: str, status: int, said: str) -> None:
        super().__init__(f"{host} refused it: {said or 'without a reason'} ({code})")
        self.code, self.status, self.said = code, status, said


class Homeserver:
    """A homeserver, as one bot sees it: `async with Homeserver(…) as server`.

    :param url: where it answers clients.
    :param token: the bot's access token.
    :param secret: the name of the secret that holds it, for whoever has to put another one there.
    """

    def __init__(self, url: str, token: str, secret: str) -> None:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise ConfigurationError(f"the access token is none: put the bot's into {secret_file(secret)}")
        self._url, self._secret = url, secret
        headers = {
            "authorization": f"Bearer {token}",
            "user-agent": "deployer-matrix",
            # What is read is bounded, which says nothing of what it would unpack to.
            "accept-encoding": "identity",
        }
        self._client = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT, follow_redirects=False)
        self.host = httpx.URL(url).netloc.decode()

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def ask(self, *path: str, below: str = "_matrix/client/v3") -> Mapping[str, Any] | None:
        """Ask for something; None where there is no such thing.

        :param path: its parts, unquoted.
        :raises OperationError: see `do`.
        """
        try:
            return await self._send("GET", below, path, None)
        except Refused as error:
            if error.code == "M_NOT_FOUND":
                return None
            raise

    async def do(self, method: str, *path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Have something done.

        :param path: its parts, unquoted.
        :raises Refused: it is not done.
        :raises Waiting: the homeserver asks for a pause.
        :raises OperationError: it does not answer, or does not know the token; says what to do.
        """
        return await self._send(method, "_matrix/client/v3", path, body)

    async def me(self) -> str:
        """As whom the token speaks: `@bot:example.org`."""
        answer = await self.ask("account", "whoami") or {}
        return str(answer.get("user_id", "the bot"))

    async def _send(
        self, method: str, below: str, path: tuple[str, ...], body: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        url = "/".join((self._url, below, *(quote(part, safe="") for part in path)))
        try:
            async with self._client.stream(method, url, json=body) as answer:
                content = await self._read(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OperationError(f"{self.host} cannot be reached: {type(error).__name__} {error}".rstrip()) from None
        return self._understood(answer, content)

    async def _read(self, answer: httpx.Response) -> bytes:
        content = b""
        async for some in answer.aiter_raw():
            content += some
            if len(content) > _MOST:
                raise OperationError(f"{self.host} answers with more than {_MOST} bytes")
        return content

    def _understood(self, answer: httpx.Response, content: bytes) -> Mapping[str, Any]:
        told = _object(content)
        if answer.status_code == 429:
            raise Waiting(f"{self.host} asks for a pause", retry_in=_pause(told or {}, answer.headers))
        if told is not None and answer.is_success:
            return told
        code = told.get("errcode") if told else None
        if not told or not isinstance(code, str):
            raise OperationError(
                f"{self.host} answered {answer.status_code}, and not as a homeserver does: see to it, or correct the "
                "option `homeserver`"
            )
        said = " ".join(str(told.get("error", "")).split())[:_LONGEST]
        if code in _TOKEN_ERRORS:
            raise OperationError(
                f"{self.host} does not take the access token ({said or code}): put a valid one of the bot into "
                f"{secret_file(self._secret)}"
            )
        raise Refused(self.host, code[:100], answer.status_code, said)


def _object(content: bytes) -> Mapping[str, Any] | None:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _pause(told: Mapping[str, Any], headers: Mapping[str, str]) -> float:
    """Seconds to wait: the body tells milliseconds, the header of newer homeservers whole seconds."""
    asked: list[tuple[Any, int]] = [(told.get("retry_after_ms"), 1000), (headers.get("retry-after"), 1)]
    for value, unit in asked:
        try:
            seconds = float(value) / unit
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return min(seconds, _LONGEST_PAUSE)
    return _PAUSE
