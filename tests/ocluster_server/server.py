"""The listening socket and its connections: one for each key of a client."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Callable

from OpenSSL import SSL

from tests.ocluster_server import messages, tls
from tests.ocluster_server.access import ADMIN, Access
from tests.ocluster_server.admin import Admin
from tests.ocluster_server.cluster import Cluster
from tests.ocluster_server.messages import BrokenPeerError, Refusal
from tests.ocluster_server.objects import Object
from tests.ocluster_server.submission import Submission
from tests.ocluster_server.vat import Vat

logger = logging.getLogger(__name__)


class Server:
    """Listens, and keeps the rule of one connection for each key.

    :param secure: with TLS.
    """

    def __init__(self, cluster: Cluster, access: Access, *, secure: bool) -> None:
        self._cluster, self._access = cluster, access
        self.context = tls.context(access.key, access.certificate()) if secure else None
        self._fingerprint = access.fingerprint
        self.connections: set[Connection] = set()
        self.ever = 0
        self._clients: dict[bytes, Connection] = {}

    async def listen(self, port: int) -> None:
        """Begin. The port, where it is 0, is chosen by the kernel and then known to `access`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self), "127.0.0.1", port, backlog=1000)
        self._access.port = server.sockets[0].getsockname()[1]

    def restore(self, id: bytes, reset: Callable[[], None]) -> Object:
        """The object of this id, for one connection.

        :raises Refusal: there is none.
        """
        name = self._access.named(id)
        if name == ADMIN:
            return Admin(self._cluster, self._access, reset)
        return Submission(self._cluster, name, self._access, reset)

    def accepts(self, connection: Connection, client: bytes) -> bool:
        """Whether the connection may stay, as its client's only one. Which of two goes is decided by the keys' digests."""
        former = self._clients.get(client)
        if former is not None and self._fingerprint > client:
            return False
        if former is not None:
            former.abort("Closing duplicate connection")
        self._clients[client] = connection
        return True

    def gone(self, connection: Connection) -> None:
        self.connections.discard(connection)
        for client, each in list(self._clients.items()):
            if each is connection:
                del self._clients[client]


class Connection(asyncio.Protocol):
    """One connection, from its first byte. A client that shows no certificate is neither answered nor sent away."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = tls.Session(server.context) if server.context else None
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._vat: Vat | None = None
        self._ignored = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._server.connections.add(self)
        self._server.ever += 1
        if self._session is None:
            self._begin()

    def data_received(self, data: bytes) -> None:
        if self._ignored or self._transport.is_closing():
            return
        try:
            self._take(self._decrypted(data))
        except tls.TlsError as error:
            logger.info("TLS ended: %s", error)
            self._flush()
            self._transport.close()
        except BrokenPeerError as error:
            self.abort(str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.gone(self)
        if self._vat:
            self._vat.close()

    def abort(self, reason: str) -> None:
        """Say why, and end it."""
        self._write(messages.aborted(Refusal(reason)))
        self._transport.close()

    def reset(self) -> None:
        """End it as a broken network does."""
        with contextlib.suppress(OSError):
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()

    def _decrypted(self, data: bytes) -> bytes:
        if self._session is None:
            return data
        established = self._session.established
        text = self._session.receive(data)
        self._flush()
        if self._session.established and not established:
            self._greet(self._session.client)
        return text

    def _greet(self, client: bytes | None) -> None:
        if client is None:
            logger.warning("No client certificate found")
            self._ignored = True
        elif self._server.accepts(self, client):
            self._begin()
        else:
            self._transport.close()

    def _begin(self) -> None:
        def restore(id: bytes) -> Object:
            return self._server.restore(id, self.reset)

        self._vat = Vat(restore, self._write)

    def _take(self, text: bytes) -> None:
        if self._vat is None:
            return
        self._buffer += text
        while (frame := messages.take(self._buffer)) is not None:
            self._vat.take(frame)

    def _write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._session is None:
            self._transport.write(data)
            return
        with contextlib.suppress(SSL.Error):
            self._session.write(data)
        self._flush()

    def _flush(self) -> None:
        if self._session and (data := self._session.outgoing()):
            self._transport.write(data)
