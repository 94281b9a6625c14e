"""How much anybody may send, checked before anything of it is kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

#: Bytes that a webhook may have: GitHub sends no larger ones than 25 MB, and none that is looked at comes near this.
WEBHOOK_BYTES = 10_000_000

Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
#: Frameworks differ in how they type the same three arguments.
Application = Callable[[Any, Any, Any], Awaitable[None]]


class _TooMuchError(Exception):
    """More was sent than is allowed."""


def limited(application: Application) -> Application:
    """An application whose webhooks are cut off where they are too large: Django would keep all of a body first."""

    async def call(scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if not str(scope["path"]).startswith("/webhooks/"):
            await application(scope, receive, send)
            return
        sent = 0

        async def counted() -> Any:
            nonlocal sent
            message = await receive()
            sent += len(message.get("body", b""))
            if sent > WEBHOOK_BYTES:
                raise _TooMuchError
            return message

        try:
            if _announced(scope) > WEBHOOK_BYTES:
                raise _TooMuchError
            await application(scope, counted, send)
        except _TooMuchError:
            await _refuse(send)

    return call


def _announced(scope: Scope) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(send: Send) -> None:
    body = f'{{"error": "a webhook may have {WEBHOOK_BYTES:,} bytes"}}'.encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
