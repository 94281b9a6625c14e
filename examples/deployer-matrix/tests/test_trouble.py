"""What is in the way is told in a sentence that says what to do. Most of it a real homeserver says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import Ops
from deployer_matrix.notifier import MatrixNotifier
from deployer_matrix.options import MatrixOptions
from homeserver import Person
from news import DONE, RUNNING
from pydantic import ValidationError

from core.api import ConfigurationError, News, OperationError, Waiting

Secrets = Callable[[str, str], None]


async def trouble(options: MatrixOptions, *news: News) -> OperationError:
    """What telling news leads to, one after the other."""
    with pytest.raises(OperationError) as raised:
        await _all(options, news or (RUNNING,))
    return raised.value


async def _all(options: MatrixOptions, news: Sequence[News]) -> None:
    for each in news:
        await MatrixNotifier().notify(each, options, {})


async def test_a_pause_that_is_asked_for_is_kept(alone: Ops, root: Person) -> None:
    await MatrixNotifier().notify(RUNNING, alone.options(), {})
    limit = {"messages_per_second": 1, "burst_count": 1}
    root.administer("POST", "v1", "users", alone.bot.id, "override_ratelimit", body=limit)
    error = await trouble(alone.options(), DONE, *[replace(DONE, key=f"deployment-{number}") for number in range(5)])
    assert isinstance(error, Waiting)
    assert 0 < error.retry_in <= 2
    assert "asks for a pause" in str(error)


async def test_a_token_that_is_none_any_more_is_named(alone: Ops) -> None:
    alone.bot.ask("POST", "logout", body={})
    said = str(await trouble(alone.options()))
    assert "does not take the access token" in said
    assert "DEPLOYER_SECRET_MATRIX_TOKEN" in said
    assert alone.bot.token not in said


async def test_a_token_that_is_missing_is_named(ops: Ops) -> None:
    with pytest.raises(ConfigurationError, match=r"DEPLOYER_SECRET_MATRIX_OTHER or the file .*matrix_other"):
        await MatrixNotifier().notify(RUNNING, ops.options(token="matrix_other"), {})


@pytest.mark.parametrize("token", ["two words", "nöne", "syt_a\nb"])
async def test_a_token_that_can_be_none_is_told_before_it_is_sent(ops: Ops, secrets: Secrets, token: str) -> None:
    secrets("matrix_token", token)
    with pytest.raises(ConfigurationError, match="DEPLOYER_SECRET_MATRIX_TOKEN"):
        await MatrixNotifier().notify(RUNNING, ops.options(), {})


async def test_whoever_is_not_invited_says_whom_to_invite(ops: Ops) -> None:
    room = ops.alice.room(preset="private_chat")
    said = str(await trouble(ops.options(room=room)))
    assert f"{ops.bot.id} is not in {room} and may not join it: invite it" in said


async def test_whoever_is_banned_is_told_so(ops: Ops) -> None:
    ops.alice.ask("POST", "rooms", ops.room, "ban", body={"user_id": ops.bot.id})
    assert "banned" in str(await trouble(ops.options()))


async def test_whoever_may_not_write_needs_a_power_level(ops: Ops) -> None:
    ops.alice.ask("PUT", "rooms", ops.room, "state", "m.room.power_levels", body={"events_default": 50})
    assert f"{ops.bot.id} may not write in {ops.room}: give it the power level" in str(await trouble(ops.options()))


@pytest.mark.parametrize("room", ["#nowhere:example.test", "!nowhere:example.test"])
async def test_a_room_that_there_is_not_is_named(ops: Ops, room: str) -> None:
    said = str(await trouble(ops.options(room=room)))
    assert room in said
    assert "correct the option `room`" in said


@contextmanager
def answering(
    status: int, body: bytes, *, headers: Mapping[str, str] | None = None, there: Mapping[str, bytes] | None = None
) -> Iterator[str]:
    """Somebody on the way to a homeserver, or in its place, who answers all the same; the address.

    :param there: what is found at some paths.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = (there or {}).get(self.path)
            content = body if found is None else found
            self.send_response(status if found is None else 200)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_PUT(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def options(address: str) -> MatrixOptions:
    return MatrixOptions(homeserver=address, room="!room:example.test")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<h1>Bad gateway</h1>"),
        (200, b"<h1>Welcome to nginx</h1>"),
        (200, b"[" * 100_000),
        (404, b"{}"),
        (500, b'{"errcode": 5}'),
        (302, b""),
        (200, b"null"),
    ],
)
async def test_what_is_no_answer_of_a_homeserver_is_told(secrets: Secrets, status: int, body: bytes) -> None:
    secrets("matrix_token", "syt_token")
    with answering(status, body) as address:
        said = str(await trouble(options(address)))
    assert f"answered {status}, and not as a homeserver does" in said
    assert "option `homeserver`" in said


async def test_an_answer_without_an_end_is_not_read_to_it(secrets: Secrets) -> None:
    secrets("matrix_token", "syt_token")
    with answering(200, b'"' + b"a" * (5 << 20)) as address:
        assert "more than" in str(await trouble(options(address)))


@pytest.mark.parametrize(
    ("body", "header", "seconds"),
    [
        ({"retry_after_ms": 1500}, "", 1.5),
        ({}, "7", 7),
        ({"retry_after_ms": None}, "7", 7),
        ({"retry_after_ms": "soon"}, "", 10),
        ({"retry_after_ms": -5}, "", 10),
        ({"retry_after_ms": 1e400}, "", 10),
        ({"retry_after_ms": 10**12}, "", 3600),
        (None, "Wed, 21 Oct 2026 07:28:00 GMT", 10),
    ],
)
async def test_a_pause_is_as_long_as_is_asked_for_and_bounded(
    secrets: Secrets, body: object, header: str, seconds: float
) -> None:
    secrets("matrix_token", "syt_token")
    headers = {"Retry-After": header} if header else {}
    with answering(429, json.dumps(body).encode(), headers=headers) as address:
        error = await trouble(options(address))
    assert isinstance(error, Waiting)
    assert error.retry_in == seconds


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"homeserver": "matrix.example.org"}, "https://"),
        ({"homeserver": "ftp://matrix.example.org"}, "https://"),
        ({"homeserver": "https://"}, "https://"),
        ({"homeserver": "https://matrix.example.org:port"}, "no address"),
        ({"homeserver": "https://bot:secret@matrix.example.org"}, "without a name"),
        ({"homeserver": "https://matrix.example.org/?a=b"}, "a query"),
        ({"homeserver": "http://matrix.example.org"}, "others can read it"),
        ({"homeserver": "https://matrix.example.org\n"}, "https://"),
        ({"room": "deployments"}, "an alias"),
        ({"room": "#deployments"}, "an alias"),
        ({"room": "#a b:example.org"}, "an alias"),
        ({"room": f"#{'a' * 255}:example.org"}, "an alias"),
        ({"token": "registry_password"}, "matrix"),
        ({"say": ["everything"]}, "Input should be"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(given: Mapping[str, object], said: str) -> None:
    right = {"homeserver": "https://matrix.example.org", "room": "#deployments:example.org"}
    with pytest.raises(ValidationError, match=said):
        MatrixOptions.model_validate({**right, **given})


@pytest.mark.parametrize("room", ["#deployments:example.org", "!abc:example.org", "!a_room-of-version-12"])
@pytest.mark.parametrize("homeserver", ["https://matrix.example.org/", "https://example.org:8448", "http://[::1]:8008"])
def test_what_can_be_meant_is_taken(homeserver: str, room: str) -> None:
    options = MatrixOptions(homeserver=homeserver, room=room)
    assert options.homeserver == homeserver.rstrip("/")
