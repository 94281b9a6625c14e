"""Between a connection and pycapnp: checks who answers, names the object, and keeps from pycapnp what would end it.

pycapnp 2.2.4 (all seen with real peers):

- it cannot tell in its bootstrap message which object it wants: its first message is replaced;
- it follows a null pointer when a connection ends while it is not reading: the end is held back until it reads;
- it hands out a buffer that asyncio's TLS copies, and then loses what was received: it is fed only while it reads;
- an exception's reason that is not UTF-8 ends the process: `exceptions.harmless`;
- it allocates whatever length a peer announces: `frames.length`.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from typing import Any

from ocluster.batch import Batch
from ocluster.rpc import exceptions, frames
from ocluster.rpc.identity import fingerprint
from ocluster.rpc.sturdy_ref import SturdyRef, encode

#: Bytes that pycapnp has not taken yet, above which the peer is not read from.
_HIGH = 1 << 20
#: Seconds without a word after which the kernel asks whether the peer is still there, as capnp-rpc has it.
_KEEP_ALIVE = 60


class WrongServerError(ConnectionError):
    """The server's key is not the one that the sturdy ref names."""


class BadPeerError(ConnectionError):
    """The peer sends what no scheduler does."""


class Outgoing(asyncio.Transport):
    """What pycapnp writes to. Its first message is its bootstrap, and is replaced by one that names the object."""

    def __init__(self, transport: asyncio.Transport, guard: Guard, service: bytes) -> None:
        super().__init__()
        self._transport, self._guard, self._service = transport, guard, service
        self._first: bytearray | None = bytearray()
        self._batch = Batch(transport.write)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._first is None:
            self._batch.write(data)
            return
        self._first += data
        end = frames.length(self._first)
        if end is None:
            return
        first, rest, self._first = bytes(self._first[:end]), bytes(self._first[end:]), None
        question = frames.bootstrap_question(first)
        assert question is not None, "pycapnp's first message is its bootstrap"
        self._batch.write(frames.bootstrap(question, self._service) + rest)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def resume_reading(self) -> None:
        self._guard.resume()

    def pause_reading(self) -> None:
        self._guard.pause()

    def close(self) -> None:
        self._batch.flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        self._batch.flush()
        self._transport.write_eof()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)


class Guard(asyncio.Protocol):
    """What the connection calls; `inner` is pycapnp's own protocol.

    `closed` is done once the connection is gone; `fault` then says why, where it was something that we did not accept.
    """

    def __init__(self, inner: Any, ref: SturdyRef) -> None:
        self._inner, self._ref = inner, ref
        self._transport: asyncio.Transport | None = None
        self._received, self._ready = bytearray(), bytearray()
        self._started = self._reading = self._ended = self._held = False
        self.fault: ConnectionError | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._ref.fingerprint is not None and not self._is_right(transport, self._ref.fingerprint):
            transport.abort()
            return
        _tune(transport.get_extra_info("socket"))
        self._started = True
        self._inner.connection_made(Outgoing(transport, self, self._ref.service))

    def _is_right(self, transport: asyncio.Transport, wanted: bytes) -> bool:
        certificate = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        found = fingerprint(certificate) if certificate else b""
        if hmac.compare_digest(found, wanted):
            return True
        self.fault = WrongServerError(
            f"{self._ref.where} has the fingerprint sha-256:{encode(found)}, and not sha-256:{encode(wanted)}"
        )
        return False

    def data_received(self, data: bytes) -> None:
        if not self._started or self.fault:
            return
        self._received += data
        at = 0
        try:
            while (end := frames.length(self._received, at)) is not None:
                self._ready += exceptions.harmless(bytes(memoryview(self._received)[at : at + end]))
                at += end
        except frames.BadFrameError as error:
            self.fault = BadPeerError(f"{self._ref.where} is no scheduler: {error}")
            self.abort()
            return
        del self._received[:at]
        self._feed()

    def eof_received(self) -> bool:
        if self._started:
            self._ended = True
            self._feed()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._started:
            self._inner.connection_lost(exc)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        if self._started:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._started:
            self._inner.resume_writing()

    def resume(self) -> None:
        """pycapnp wants to read."""
        self._reading = True
        if self._ready or self._ended:
            asyncio.get_running_loop().call_soon(self._feed)

    def pause(self) -> None:
        """pycapnp wants no more for now."""
        self._reading = False

    def abort(self) -> None:
        """End the connection at once."""
        if self._transport:
            self._transport.abort()

    def _feed(self) -> None:
        while self._reading and self._ready:
            buffer = self._inner.get_buffer(-1)
            count = min(len(buffer), len(self._ready))
            buffer[:count] = memoryview(self._ready)[:count]
            del buffer, self._ready[:count]
            self._inner.buffer_updated(count)
        if self._ended and self._reading and not self._ready:
            self._ended = False
            self._inner.eof_received()
        self._hold()

    def _hold(self) -> None:
        """Leave the peer unread for as long as pycapnp is far behind."""
        assert self._transport
        if not self._held and len(self._ready) > _HIGH:
            self._held = True
            self._transport.pause_reading()
        elif self._held and len(self._ready) < _HIGH // 2:
            self._held = False
            self._transport.resume_reading()


def _tune(connected: socket.socket | None) -> None:
    """Have each message sent at once, and a peer that is gone noticed."""
    if connected is None or connected.family == socket.AF_UNIX:
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEP_ALIVE)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
