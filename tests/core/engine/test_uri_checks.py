"""Asking a service from outside: real servers, and whatever may be wrong with them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from core.engine.uri_checks import address_of, ask, words
from core.pipeline.declaration import HealthCheck
from tests.docker_real import make_certificates

Answering = Callable[[str, asyncio.StreamWriter], Awaitable[None]]
CHECK = HealthCheck(timeout=10)


@dataclass
class Server:
    """A server that answers as a test tells it, by the path that is asked for.

    :ivar answers: what is sent.
    :ivar asked: each path, in order.
    """

    port: int
    answers: dict[str, bytes]
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    made = Server(0, {}, [])

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        made.asked.append(line)
        writer.write(made.answers.get(line, answer(404)))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async for each in serving():
        yield each


@pytest.mark.parametrize(
    ("check", "answers", "well", "told"),
    [
        (HealthCheck(), {"/": answer(200)}, True, " answers 200"),
        (HealthCheck(path="/up"), {"/up": answer(200)}, True, "/up answers 200"),
        (HealthCheck(), {"/": answer(503)}, False, " answers 503, not 200"),
        (HealthCheck(status=401), {"/": answer(401)}, True, " answers 401"),
        (HealthCheck(text="fine"), {"/": answer(200, b"all is fine here")}, True, " answers 200"),
        (HealthCheck(text="fine"), {"/": answer(200, b"oh no")}, False, " answers 200 without the text 'fine'"),
        (HealthCheck(text="ü"), {"/": answer(200, "für".encode())}, True, " answers 200"),
        (HealthCheck(), {"/": b"nonsense\r\n\r\n"}, False, " does not answer: "),
        (HealthCheck(), {"/": b""}, False, " does not answer: "),
    ],
)
async def test_what_an_answer_means(
    server: Server, check: HealthCheck, answers: dict[str, bytes], well: bool, told: str
) -> None:
    server.answers.update(answers)
    found = await ask(check, server.url)
    assert found.well is well
    assert f"{server.url}{told}" in found.words


async def test_redirects_are_followed_as_often_as_is_allowed(server: Server) -> None:
    server.answers |= {"/": answer(302, Location="/a"), "/a": answer(302, Location="/b"), "/b": answer(200)}
    assert (await ask(replace(CHECK, redirects=2), server.url)).well
    stopped = await ask(replace(CHECK, redirects=1), server.url)
    assert stopped.words.endswith("answers 302, not 200: it redirects more than `redirects` allows (1)")
    assert (await ask(replace(CHECK, status=302), server.url)).well, "a redirect may be what is wanted"


async def test_a_redirect_to_another_scheme_is_never_followed(server: Server) -> None:
    for elsewhere in ("https://127.0.0.1/", "file:///etc/passwd", "ftp://127.0.0.1/"):
        server.answers["/"] = answer(302, Location=elsewhere)
        found = await ask(replace(CHECK, redirects=5), server.url)
        assert not found.well
        assert "redirects from http to" in found.words or "does not answer" in found.words
    assert server.asked == ["/"] * 3


async def test_no_more_of_an_answer_is_read_than_a_megabyte(server: Server) -> None:
    endless = b"HTTP/1.1 200 X\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (1 << 21) + b"fine"
    server.answers["/"] = endless
    found = await ask(replace(CHECK, text="fine"), server.url)
    assert found.words.endswith("without the text 'fine'")


async def test_who_accepts_and_says_nothing_is_given_up_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        found = await ask(HealthCheck(timeout=1), address)
    assert found.words.startswith(f"{address} does not answer within 1 s; where it has to be asked at another address")
    assert "change `uri` of the service's `check`" in found.words


async def test_of_a_tcp_address_the_connection_counts(server: Server) -> None:
    address = f"tcp://127.0.0.1:{server.port}"
    assert (await ask(replace(CHECK, uri=address), "https://elsewhere.example")).words == f"{address} takes connections"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "does not answer" in (await ask(replace(CHECK, uri=f"tcp://127.0.0.1:{port}"), "")).words


async def test_a_certificate_of_nobody_is_refused_unless_that_is_allowed(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    async for server in serving(context):
        server.answers["/"] = answer(200)
        address = f"https://127.0.0.1:{server.port}"
        refused = await ask(CHECK, address)
        assert not refused.well
        assert "certificate verify failed" in refused.words
        assert (await ask(replace(CHECK, verify=False), address)).well


async def test_a_password_in_an_address_is_told_to_nobody(server: Server) -> None:
    server.answers["/"] = answer(503)
    found = await ask(CHECK, f"http://ann:secret@127.0.0.1:{server.port}/")
    assert "secret" not in found.words
    assert "secret" not in words(CHECK, f"http://ann:secret@127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    ("check", "uri", "address"),
    [
        (HealthCheck(), "shop.example", "https://shop.example"),
        (HealthCheck(path="/up"), "https://shop.example/start?x=1", "https://shop.example/up"),
        (HealthCheck(uri="http://10.0.0.1:8080", path="/up"), "https://shop.example", "http://10.0.0.1:8080/up"),
        (HealthCheck(uri="tcp://10.0.0.1:5432"), "", "tcp://10.0.0.1:5432"),
    ],
)
def test_what_is_asked(check: HealthCheck, uri: str, address: str) -> None:
    assert address_of(check, uri) == address


def test_what_is_asked_is_told_in_words() -> None:
    assert words(None, "https://shop.example") == ""
    assert words(replace(CHECK, text="ok"), "https://shop.example") == (
        "Asked from outside: https://shop.example has to answer 200 with the text 'ok'."
    )
    assert words(replace(CHECK, uri="tcp://db:5432"), "") == (
        "Asked from outside: tcp://db:5432 has to take connections."
    )
