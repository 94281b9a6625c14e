"""How the channel layer reaches Redis: whoever waits for a message waits for ever, unless Redis was cut off."""

from __future__ import annotations

import socket
from typing import Any

from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection, parse_url
from redis.exceptions import ConnectionError as ConnectionLost

#: Seconds that connecting may take.
_CONNECT = 5


class _Noticing:
    """Says that a connection has died of silence.

    redis-py 8 takes the kernel's ETIMEDOUT for the end of its own waiting, answers None at once each time that it is
    asked, and whoever asks in a loop keeps the event loop from everything else.
    """

    async def read_response(self, *args: Any, **named: Any) -> Any:
        response = await super().read_response(*args, **named)  # type: ignore[misc]  # of the class beside this one
        reader = getattr(self, "_reader", None)
        if response is None and reader is not None and (error := reader.exception()):
            raise ConnectionLost(f"Redis was cut off: {error}")
        return response


class _Tcp(_Noticing, Connection):
    pass


class _Tls(_Noticing, SSLConnection):
    pass


def host(url: str, lease: float) -> dict[str, Any]:
    """The entry among the channel layer's `hosts`.

    :param lease: seconds; a dead connection is noticed within a lease.
    """
    entry: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": _CONNECT, **parse_url(url)}
    if entry.get("connection_class") is UnixDomainSocketConnection:
        return entry
    third = max(int(lease / 3), 1)
    # tcp(7); in seconds, but for the last.
    times = {
        "TCP_KEEPIDLE": third,
        "TCP_KEEPINTVL": max(third // 3, 1),
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": third * 1000,
    }
    known = {getattr(socket, name): value for name, value in times.items() if hasattr(socket, name)}
    kind = _Tls if entry.get("connection_class") is SSLConnection else _Tcp
    return {**entry, "connection_class": kind, "socket_keepalive": True, "socket_keepalive_options": known}
