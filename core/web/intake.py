"""Webhooks on their way in, before Django: cut off where they are too large, and answered on a thread of their own.

Django would keep all of a body before a view sees the first byte, take each of its middlewares through a thread, and
open the database anew for each request: a webhook needs none of it, and there may be many at once.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

from django.db import DatabaseError, connection

from core.web import webhooks
from core.web.webhooks import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
#: Frameworks differ in how they type the same three arguments.
Application = Callable[[Any, Any, Any], Awaitable[None]]

_PATH = re.compile(r"/webhooks/([a-z][a-z0-9_-]*)")
_thread = ThreadPoolExecutor(1, "webhooks")


def webhooks_first(application: Application) -> Application:
    """An application whose webhooks are answered here."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        match = _PATH.fullmatch(scope["path"]) if scope["method"] == "POST" else None
        if match is None:
            await application(scope, receive, send)
            return
        if seconds := webhooks.wait((scope.get("client") or ("",))[0]):
            await _say(send, await _on_thread(webhooks.too_many, match[1], seconds))
            return
        body = await _body(scope, receive)
        if body is None:
            work = _on_thread(webhooks.too_large, match[1])
        else:
            work = _on_thread(webhooks.answer, match[1], _headers(scope), _query(scope), body)
        await _say(send, await work)

    return call


async def _body(scope: Scope, receive: Receive) -> bytes | None:
    """The body; None where it is too large, of which no more is read than shows that."""
    announced = _headers(scope).get("content-length", "0")
    if announced.isdigit() and int(announced) > webhooks.LIMIT:
        return None
    pieces, size = [], 0
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > webhooks.LIMIT:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return b"".join(pieces)


async def _on_thread(function: Callable[..., Answer], *arguments: object) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(_thread, lambda: _answer(function, *arguments))


def _answer(function: Callable[..., Answer], *arguments: object) -> Answer:
    """Answer, with a connection to the database that is kept as long as it works."""
    try:
        return function(*arguments)
    except DatabaseError:
        connection.close()
    try:
        return function(*arguments)
    except DatabaseError:
        connection.close()
        return 503, {"error": "the database does not answer: send it again later"}


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _query(scope: Scope) -> dict[str, str]:
    return dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))


async def _say(send: Send, answer: Answer) -> None:
    status, said = answer
    body = json.dumps(said).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in webhooks.retry(said).items()]
    if status in (413, 429):
        # What was not read is not waited for either.
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
