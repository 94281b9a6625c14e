"""One connection to one object of a server."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from typing import Any, TypeVar

import capnp

from ocluster.rpc.guard import Guard
from ocluster.rpc.identity import client_context
from ocluster.rpc.sturdy_ref import SturdyRef

Result = TypeVar("Result")
#: Seconds for connecting and TLS together.
CONNECT = 15.0


class Vat:
    """A connection; `client` gives the object, once."""

    def __init__(self, guard: Guard, stream: Any) -> None:
        self._guard, self._stream = guard, stream
        self._client = capnp.TwoPartyClient(stream)

    def client(self, interface: Any) -> Any:
        """The object, as this interface. Whether it exists is told by the first answer to a call."""
        return self._client.bootstrap().cast_as(interface)

    @property
    def gone(self) -> bool:
        """Whether the connection has ended."""
        return self._guard.closed.done()

    @property
    def fault(self) -> ConnectionError | None:
        """What the peer did that ended the connection, where it was its doing."""
        return self._guard.fault

    async def wait_gone(self) -> None:
        """Return once the connection has ended."""
        await asyncio.shield(self._guard.closed)

    def close(self) -> None:
        """End it: the server drops whatever we hold there."""
        self._guard.abort()


async def connect(ref: SturdyRef) -> Vat:
    """Connect, over TLS where the sturdy ref tells a fingerprint.

    :raises WrongServerError: somebody else answers there.
    :raises ssl.SSLError: whoever answers does not speak TLS as a server of capnp-rpc does.
    :raises OSError: nobody answers there; a `TimeoutError` where it takes too long.
    """
    taken: list[Any] = []
    guard = Guard(capnp.AsyncIoStream._connect(taken.append), ref)
    async with asyncio.timeout(CONNECT):
        await _open(guard, ref)
    if guard.fault:
        raise guard.fault
    return Vat(guard, taken[0])


async def _open(guard: Guard, ref: SturdyRef) -> None:
    loop = asyncio.get_running_loop()
    context: ssl.SSLContext | None = client_context() if ref.fingerprint is not None else None
    # An empty name leaves SNI out, as capnp-rpc does.
    name = "" if context else None
    if ref.socket:
        await loop.create_unix_connection(lambda: guard, ref.socket, ssl=context, server_hostname=name)
    else:
        await loop.create_connection(lambda: guard, ref.host, ref.port, ssl=context, server_hostname=name)


async def answer(promise: Awaitable[Result], seconds: float | None = None) -> Result:
    """Await a promise of pycapnp, which is no coroutine, for at most so many seconds.

    :raises TimeoutError: it did not come in time.
    """
    async with asyncio.timeout(seconds):
        return await promise
