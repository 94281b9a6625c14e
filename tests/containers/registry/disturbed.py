"""A proxy before a real registry that lets everything pass, but for what it is told to disturb."""

from __future__ import annotations

import http.client
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from tests.docker_real import RealRegistry


@dataclass(frozen=True, slots=True)
class Answer:
    """What the registry answered; `length` is what is claimed of the body where that is not true."""

    status: int
    headers: dict[str, str]
    body: bytes
    length: int | None = None
    reset: bool = False

    def also(self, **headers: str) -> Answer:
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        )


Disturbance = Callable[[Answer], Answer]


def says(status: int, body: bytes = b"", **headers: str) -> Disturbance:
    """Answer something else."""
    return lambda _: Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def page(status: int) -> Disturbance:
    """Answer as the web server of somebody else would."""
    return says(status, b"<html><body>It works!</body></html>", Content_Type="text/html; charset=utf-8")


def truncated(answer: Answer) -> Answer:
    """Break off in the middle of the body."""
    return replace(answer, body=answer.body[: len(answer.body) // 2], length=len(answer.body))


def shortened(answer: Answer) -> Answer:
    """Leave a part away, and claim that it is all."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def lengthened(answer: Answer) -> Answer:
    return replace(answer, body=answer.body + b" " * 100)


def damaged(answer: Answer) -> Answer:
    """Change one byte, which may not even be noticed in reading."""
    middle = len(answer.body) // 2
    changed = bytes([answer.body[middle] ^ 1])
    return replace(answer, body=answer.body[:middle] + changed + answer.body[middle + 1 :])


def reset(answer: Answer) -> Answer:
    return replace(answer, reset=True)


def without(*names: str) -> Disturbance:
    def leave_out(answer: Answer) -> Answer:
        return replace(answer, headers={name: value for name, value in answer.headers.items() if name not in names})

    return leave_out


def telling(**headers: str) -> Disturbance:
    return lambda answer: answer.also(**headers)


@dataclass(slots=True)
class Disturbed:
    """The registry by another name.

    :param registry: as its clients see it through the proxy.
    :param asked: every request that came, as `GET /v2/…`.
    :param authorized: the `Authorization` of each, or the empty string.
    :param encodings: the `Accept-Encoding` of each.
    """

    registry: RealRegistry
    _behind: str
    asked: list[str] = field(default_factory=list)
    authorized: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)
    held: Event = field(default_factory=Event)
    arrived: Event = field(default_factory=Event)
    _disturbances: list[tuple[str, str, Disturbance]] = field(default_factory=list)
    _held: tuple[str, str] | None = None

    def disturb(self, method: str, part: str, by: Disturbance) -> None:
        """Disturb every request of this method whose path has this part in it."""
        self._disturbances.append((method, part, by))

    def hold(self, method: str, part: str) -> None:
        """Have these requests wait, and `arrived` tell that one does, until `held` is set."""
        self._held = method, part

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.asked.append(f"{method} {path}")
        self.authorized.append(headers.get("Authorization", ""))
        self.encodings.append(headers.get("Accept-Encoding", ""))
        if self._held and self._held[0] == method and self._held[1] in path:
            self.arrived.set()
            assert self.held.wait(60)
        answer = self._forward(method, path, headers, body)
        for disturbed, part, by in self._disturbances:
            if method == disturbed and part in path:
                answer = by(answer)
        return answer

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        target, _, port = self._behind.partition(":")
        connection = http.client.HTTPConnection(target, int(port), timeout=30)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name not in ("Content-Length", "Connection")}
        length = (
            int(answer.headers["Content-Length"]) if method == "HEAD" and answer.headers["Content-Length"] else None
        )
        return Answer(answer.status, kept, answer.read(), length)


@contextmanager
def disturbed(registry: RealRegistry) -> Iterator[Disturbed]:
    """A proxy before a registry that speaks plain http."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = proxy.answer(self.command, self.path, dict(self.headers), body)
            if answer.reset:
                # Closing sends RST at once, as a crash does.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
                self.close_connection = answer.length is not None

        do_GET = do_HEAD = do_PUT = do_POST = _pass  # noqa: N815  the names are of the library

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        proxy = Disturbed(replace(registry, name=f"127.0.0.1:{server.server_port}"), registry.name)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.held.set()
            server.shutdown()
            thread.join()
