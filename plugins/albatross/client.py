"""One command to an Albatross host: a TLS connection whose certificate is the command, and what comes back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import ssl
import struct
import tempfile
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from core.api import OperationError, Stalled
from plugins.albatross import leaf, replies
from plugins.albatross.credentials import Credentials
from plugins.albatross.der import MalformedError
from plugins.albatross.replies import Failure, Reply

#: Where `albatross-tls-endpoint` listens.
PORT = 1025
#: Seconds to connect in, and between pieces of an answer: ending a unikernel and starting another takes some.
_CONNECT, _ANSWER = 15.0, 60.0
_LENGTH = struct.Struct(">I")
#: Bytes of an image that are sent at once.
_PIECE = 1 << 18
_HOST = re.compile(r"(?P<host>[A-Za-z0-9][A-Za-z0-9_.-]*|\[[0-9a-fA-F:]+\])(?::(?P<port>\d{1,5}))?")
#: Bytes a second of the slowest line that is worth waiting for.
_SLOW = 50_000
#: What OpenSSL calls a certificate whose time is over (X509_V_ERR_CERT_HAS_EXPIRED).
_EXPIRED = 10


class RefusedError(Stalled):
    """The host said no; the text is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where an endpoint is."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a service's host.

        :raises Stalled: it is none.
        """
        match = _HOST.fullmatch(text)
        if not match or not 0 < int(match["port"] or PORT) < 1 << 16:
            raise Stalled(f"{text!r} is no Albatross host: it is written `host` or `host:port`")
        return cls(host=match["host"].strip("[]"), port=int(match["port"] or PORT))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Says things to one host."""

    address: Address
    credentials: Credentials

    async def one(self, name: str, command: bytes, *, image: bytes | None = None) -> Reply:
        """Have a command carried out; answer the reply.

        :param name: of the unikernel, without its path.
        :param image: to send after the handshake, where the command announces one.
        :raises RefusedError: the host says no.
        :raises OperationError: it cannot be asked, or does not answer.
        """
        async with contextlib.aclosing(self.all(name, command, image=image)) as answers:
            async for reply in answers:
                return reply
        raise OperationError(
            f"{self.address} ended the connection without an answer. It does so to names and commands that it does not"
            " allow: the log of albatross-tls-endpoint there says why"
        )

    async def all(
        self, name: str, command: bytes, *, image: bytes | None = None, patience: float | None = None
    ) -> AsyncGenerator[Reply, None]:
        """Answer the replies as they come, until the host has no more.

        :param patience: seconds between replies, if it is not what a command takes and an image on a slow line.
        """
        now = datetime.now(UTC)
        self.credentials.check(now)
        patience = patience or _ANSWER + len(image or b"") / _SLOW
        reader, writer = await self._connect(leaf.sign(self.credentials, name, command, now))
        # A host that refuses says so before it has read all of an image, and then reads no more.
        sending = asyncio.create_task(_send(writer, image))
        try:
            while message := await _within(patience, reader):
                yield self._understood(message)
        except TimeoutError:
            raise OperationError(f"{self.address} does not answer") from None
        except MalformedError as error:
            raise OperationError(f"what {self.address} answers is not Albatross's protocol: it {error}") from None
        except ssl.SSLError as error:
            raise self._refused(error) from None
        except OSError as error:
            raise OperationError(f"{self.address} broke the connection: {error.strerror or error}") from None
        finally:
            # What is on its way still is of no interest, and a host that hangs must not keep us.
            sending.cancel()
            writer.transport.abort()
            await asyncio.gather(sending, return_exceptions=True)

    def _understood(self, message: bytes) -> Reply:
        reply = replies.parse(message)
        if isinstance(reply, Failure):
            raise RefusedError(reply.text)
        return reply

    async def _connect(self, pem: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = _context(self.credentials, pem)
        try:
            opening = asyncio.open_connection(
                self.address.host, self.address.port, ssl=context, ssl_handshake_timeout=_CONNECT, server_hostname=""
            )
            async with asyncio.timeout(_CONNECT):
                return await opening
        except TimeoutError:
            raise OperationError(f"{self.address} does not answer") from None
        except ssl.SSLCertVerificationError as error:
            raise self._unknown(error) from None
        except ssl.SSLError as error:
            raise self._refused(error) from None
        except OSError as error:
            raise OperationError(f"{self.address} cannot be reached: {_sentence(error)}") from None

    def _unknown(self, error: ssl.SSLCertVerificationError) -> Stalled:
        if error.verify_code == _EXPIRED:
            return Stalled(
                f"the certificate of {self.address}, or of its CA, has expired: make a new one on the host"
                " (`albatross-client generate`)"
            )
        return Stalled(
            f"the certificate of {self.address} is not of the CA in the secret {self.credentials.name}_server_ca"
            f" ({error.verify_message}): put the host's `cacert.pem` there"
        )

    def _refused(self, error: ssl.SSLError) -> OperationError:
        if "ALERT" not in (error.reason or ""):
            return OperationError(f"{self.address} does not speak TLS 1.3 ({error.reason or 'no reason given'})")
        return Stalled(
            f"{self.address} refuses our certificate ({error.reason}): the one in the secret"
            f" {self.credentials.name}_certificate has to be signed by the host's CA, and the clocks of both hosts have to"
            " be right"
        )


def _context(credentials: Credentials, pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Upstream's certificates name no host: what they prove is that our CA's owner runs it.
    context.check_hostname = False
    context.load_verify_locations(cadata=credentials.server)
    shared = "/dev/shm"  # noqa: S108  a directory in memory: the key never reaches a disk
    # OpenSSL takes the pair from a file alone; this one can be read by its owner only.
    with tempfile.NamedTemporaryFile(dir=shared if os.access(shared, os.W_OK) else None) as file:
        Path(file.name).write_bytes(pem)
        context.load_cert_chain(file.name)
    return context


async def _send(writer: asyncio.StreamWriter, image: bytes | None) -> None:
    """Pieces with their lengths before them, and a length of 0 at the end, without which a host waits for ever."""
    if image is None:
        return
    for at in range(0, len(image), _PIECE):
        piece = image[at : at + _PIECE]
        writer.write(_LENGTH.pack(len(piece)) + piece)
        await writer.drain()
    writer.write(_LENGTH.pack(0))
    await writer.drain()


async def _within(seconds: float, reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(seconds):
        return await _receive(reader)


async def _receive(reader: asyncio.StreamReader) -> bytes:
    """A message; empty at the end."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        # From 2³¹ on it is a negative number to the host.
        if length > replies.LARGEST and length < 1 << 31:
            raise MalformedError("announces a message larger than any image")
        return await reader.readexactly(length) if length < 1 << 31 else b""
    except asyncio.IncompleteReadError as error:
        if error.partial or error.expected != _LENGTH.size:
            raise MalformedError("ends in the middle") from None
        return b""


def _sentence(error: OSError) -> str:
    # asyncio's own words for a refused connection tell of its call; those of a failed look-up are good.
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)
