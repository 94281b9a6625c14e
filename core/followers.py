"""How many websockets this process serves: pages that stay current, and logs that are followed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_Application = Callable[..., Any]

_open = 0


def count() -> int:
    """How many are open now."""
    return _open


def counted(application: _Application) -> _Application:
    """Count those who are served by an ASGI application: it runs for as long as a websocket is open."""

    async def serve(scope: Any, receive: Any, send: Any) -> Any:
        global _open  # noqa: PLW0603  one number for one process
        _open += 1
        try:
            return await application(scope, receive, send)
        finally:
            _open -= 1

    return serve
