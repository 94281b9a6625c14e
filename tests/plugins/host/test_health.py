"""A health check tells what was answered, and never hangs."""

import asyncio

import pytest

from plugins.host import health
from tests.e2e.harness import free_port


async def answer_of(reply: bytes | None, *, seconds: float = 5, stay: bool = False) -> health.Answer:
    asked = []
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if reply is not None:
            writer.write(reply)
        if stay or reply is None:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        answer = await health.ask(f"http://127.0.0.1:{port}/health?full=1", seconds=seconds)
    finally:
        done.set()
        server.close()
        await server.wait_closed()
    assert asked[0].startswith(f"GET /health?full=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode())
    return answer


@pytest.mark.parametrize(
    ("status", "healthy"),
    [(200, True), (204, True), (302, True), (400, False), (404, False), (500, False), (503, False)],
)
async def test_2xx_and_3xx_are_healthy(status, healthy) -> None:
    answer = await answer_of(b"HTTP/1.1 %d Whatever\r\n\r\n" % status)
    assert (answer.healthy, answer.detail) == (healthy, f"answered {status}")


async def test_the_beginning_of_a_bad_answer_is_shown_as_one_safe_line() -> None:
    answer = await answer_of(b"HTTP/1.0 500 Oh\r\n\r\nno\n\tdatabase \x1b[31m\xff" + b"x" * 10_000)
    assert answer.body.startswith("no database \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}xxx")
    assert len(answer.body) <= 500


async def test_a_server_that_keeps_the_connection_open_is_not_waited_for() -> None:
    assert (await answer_of(b"HTTP/1.1 200 OK\r\n\r\n", stay=True)).healthy
    assert (await answer_of(b"HTTP/1.1 500 Oh\r\n\r\nwhy", stay=True)).body == "why"


@pytest.mark.parametrize("reply", [b"SSH-2.0-OpenSSH\r\n", b"", b"x" * 200_000, b"SSH-2.0\r\n\r\n"])
async def test_what_is_not_http_is_not_healthy(reply) -> None:
    assert await answer_of(reply) == health.Answer(healthy=False, detail="answered something that is not HTTP")


async def test_silence_ends() -> None:
    assert (await answer_of(None, seconds=0.1)).detail == "did not answer in 0.1 s"


async def test_nobody_there() -> None:
    answer = await health.ask(f"http://127.0.0.1:{free_port()}/")
    assert not answer.healthy
    assert "does not answer" in answer.detail


async def test_waiting_ends_with_the_first_good_answer_or_a_hopeless_one() -> None:
    bad, good = health.Answer(healthy=False, detail="bad"), health.Answer(healthy=True, detail="good")
    hopeless = health.Answer(healthy=False, detail="hopeless", hopeless=True)

    async def wait(*answers: health.Answer, seconds: float = 60) -> health.Answer:
        left = iter(answers)

        async def ask() -> health.Answer:
            return next(left)

        return await health.wait(ask, seconds)

    assert await wait(bad, good) is good
    assert await wait(bad, hopeless, good) is hopeless
    assert await wait(bad, good, seconds=0) is bad
