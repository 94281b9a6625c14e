"""Whoever answers in place of a scheduler: the follower says what is wrong, and lives."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.testing.logs import RecordingLog
from ocluster.client import Client
from ocluster.rpc import frames
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.submission import Submission
from tests.ocluster.test_frames import exception

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
BUILD = Submission(
    pool="linux-x86_64", repository="https://example.org/a/b.git", commits=("a" * 40,), dockerfile="Dockerfile"
)


@asynccontextmanager
async def answering(peer: Peer, path: Path) -> AsyncIterator[Client]:
    """A client whose scheduler is this."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        except ConnectionError:
            return

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    ref = SturdyRef(host="127.0.0.1", port=port, fingerprint=None, service=b"id")
    path.touch(mode=0o600)
    path.write_text(str(ref))
    client = Client(path, "SETTING", retry=0.2)
    try:
        yield client
    finally:
        await client.close()
        server.close()


async def first_trouble(client: Client, *, words: str) -> str:
    """What a build is told that it waits for, once it is these words."""
    found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def hear(reason: str) -> None:
        if words in reason and not found.done():
            found.set_result(reason)

    build = asyncio.create_task(client.build(BUILD, RecordingLog(), hear))
    try:
        return await asyncio.wait_for(found, 30)
    finally:
        build.cancel()
        await asyncio.gather(build, return_exceptions=True)


async def closes_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def says_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
    await reader.read()


async def announces_two_gigabytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(struct.pack("<II", 0, 2**28))
    await reader.read()


async def aborts_in_another_encoding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(exception("abort", b"go away \xff"))
    await reader.read()


async def answers_byte_by_byte_in_another_encoding(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    question = frames.bootstrap_question(await reader.readexactly(len(frames.bootstrap(0, b"id"))))
    answer = bytearray(exception("return", b"\xff" * 40))
    assert question == 0
    at = answer.index(struct.pack("<I", 5))
    answer[at : at + 4] = struct.pack("<I", 0)
    for byte in answer:
        writer.write(bytes((byte,)))
        await writer.drain()
    writer.close()


@pytest.mark.parametrize(
    ("peer", "words"),
    [
        (closes_at_once, "cannot be used"),
        (resets, "cannot be used"),
        (says_garbage, "is no scheduler: it announces"),
        (announces_two_gigabytes, "is no scheduler: it announces a message of 2147483656 bytes"),
        (aborts_in_another_encoding, "cannot be used"),
        (answers_byte_by_byte_in_another_encoding, "cannot be used"),
    ],
)
async def test_it_is_said_what_is_wrong_and_tried_again(peer: Peer, words: str, tmp_path: Path) -> None:
    async with answering(peer, tmp_path / "cap") as client:
        told = await first_trouble(client, words=words)
        process = client.process
        assert "Tried again every 0.2 seconds." in told
        assert process is not None, "the follower lives"
        assert await first_trouble(client, words=words)
        assert client.process == process


async def test_nobody_there_is_said_with_the_place(tmp_path: Path) -> None:
    async with answering(closes_at_once, tmp_path / "cap") as client:
        await client.close()
        ref = SturdyRef(host="127.0.0.1", port=1, fingerprint=bytes(32), service=b"id")
        (tmp_path / "cap").write_text(str(ref))
        assert "at 127.0.0.1:1 cannot be reached: " in await first_trouble(client, words="cannot be reached")


async def test_a_peer_without_tls_is_told(tmp_path: Path) -> None:
    async with answering(says_garbage, tmp_path / "cap") as client:
        ref = SturdyRef.parse((tmp_path / "cap").read_text())
        (tmp_path / "cap").write_text(
            str(SturdyRef(host=ref.host, port=ref.port, fingerprint=bytes(32), service=b"id"))
        )
        assert "does not speak TLS" in await first_trouble(client, words="TLS")
