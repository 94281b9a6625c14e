"""How Redis is reached: a connection that has died is told, and keeps no event loop busy."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as ConnectionLost

from core import redis_host


@pytest.mark.parametrize(
    ("url", "kind", "more"),
    [
        ("redis://:hush@cache:6380/3", Connection, {"host": "cache", "port": 6380, "db": 3, "password": "hush"}),
        ("rediss://cache", SSLConnection, {"host": "cache"}),
        ("unix:///run/redis.sock?db=2", UnixDomainSocketConnection, {"path": "/run/redis.sock", "db": 2}),
    ],
)
def test_each_kind_of_address_is_understood(url: str, kind: type[Any], more: dict[str, Any]) -> None:
    entry = redis_host.host(url, 30)
    assert issubclass(entry.get("connection_class", Connection), kind)
    assert entry["socket_timeout"] is None, "whoever waits for a message waits for ever"
    assert entry | more == entry
    connection = entry.pop("connection_class")(**entry)
    assert isinstance(connection, kind)


def test_a_server_that_was_cut_off_is_noticed_within_a_lease() -> None:
    options = redis_host.host("redis://cache", 30)["socket_keepalive_options"].values()
    idle, interval, count, unacknowledged = options
    assert idle + interval * count <= 30
    assert unacknowledged <= 30_000


async def test_a_connection_that_died_of_silence_is_told_each_time() -> None:
    class Silent:
        """As redis-py 8 reads: the kernel's ETIMEDOUT looks like the end of its own waiting."""

        def __init__(self) -> None:
            self._reader = asyncio.StreamReader()

        async def read_response(self, timeout: float) -> None:  # noqa: ASYNC109  as the library has it
            try:
                async with asyncio.timeout(timeout):
                    await self._reader.read(1)
            except TimeoutError:
                return

    class Told(redis_host._Noticing, Silent):
        pass

    connection = Told()
    assert await connection.read_response(timeout=0.01) is None, "nothing has come yet"
    connection._reader.set_exception(TimeoutError(110, "Connection timed out"))
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="cut off"):
            await connection.read_response(timeout=0.01)
