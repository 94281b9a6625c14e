"""A client for the stand-in's own tests: jobs by pycapnp, connections by hand."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import capnp
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.rpc.vat import Vat, connect
from tests.ocluster_server import messages
from tests.ocluster_server.access import certificate
from tests.ocluster_server.scheduler import Scheduler

#: Seconds within which a connection made by hand has to answer.
PATIENCE = 20


@dataclass(slots=True)
class Job:
    """A submitted job. Who drops it lets go of it at the scheduler."""

    ticket: Any
    job: Any
    result: Any
    #: What its log had so far.
    read: bytearray = field(default_factory=bytearray)

    async def log(self, *, enough: bytes = b"") -> bytes:
        """Read the log to its end, or until it has something; answer all of it so far."""
        while not enough or enough not in self.read:
            chunk = await self.job.log(len(self.read))
            data = bytes(chunk.log)
            if not data:
                break
            assert len(data) <= 10240
            self.read += data
            assert chunk.next == len(self.read)
        return bytes(self.read)


@contextlib.asynccontextmanager
async def connected(file: Path) -> AsyncIterator[Vat]:
    """A connection with a capability file."""
    async with capnp.kj_loop():
        vat = await connect(SturdyRef.parse(file.read_text()))
        try:
            yield vat
        finally:
            vat.close()


@contextlib.asynccontextmanager
async def submissions(scheduler: Scheduler) -> AsyncIterator[Any]:
    """The `Submission` of the scheduler's client, on a connection of its own."""
    async with connected(scheduler.capability_file) as vat:
        yield vat.client(api().Submission)


async def submit(submission: Any, pool: str = "linux-x86_64", *, urgent: bool = False, **build: Any) -> Job:
    """Submit a Docker build.

    :param build: fields of `DockerBuild`.
    """
    request = submission.submit_request()
    request.pool, request.urgent = pool, urgent
    docker = request.descr.action.init("dockerBuild")
    docker.dockerfile.path = "Dockerfile"
    for name, value in build.items():
        setattr(docker, name, value)
    request.descr.repository, request.descr.commits = "https://git.example/shop.git", ["0" * 40]
    sent = request.send()
    ticket = sent.ticket
    job = ticket.job().job
    result = job.result()
    await sent
    return Job(ticket, job, result)


def by_hand(scheduler: Scheduler, context: ssl.SSLContext) -> ssl.SSLSocket:
    """A TLS connection on which nothing was said."""
    plain = socket.create_connection(("127.0.0.1", scheduler.port), timeout=PATIENCE)
    return context.wrap_socket(plain)


def context(key: ec.EllipticCurvePrivateKey | None, directory: Path) -> ssl.SSLContext:
    """The client's side of TLS, with a certificate for the key or without any."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    if key:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file = directory / "client.pem"
        file.write_bytes(certificate(key) + key.private_bytes(*form))
        made.load_cert_chain(file)
    return made


def received(connection: socket.socket) -> bytes | None:
    """The next message, or None once the connection has ended."""
    buffer = bytearray()
    while (frame := messages.take(buffer)) is None:
        try:
            data = connection.recv(1 << 16)
        except ConnectionError:
            return None
        if not data:
            return None
        buffer += data
    return frame
