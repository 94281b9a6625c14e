"""What is said between the plugin and a cluster: recorded on its way, or answered as it was answered then.

A recording is what one test said, in order. Replayed, each request has to be the one that was recorded at its place: a
plugin that asks for anything else has to be recorded again.
"""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from .cluster.asking import Asker

#: In what is said: differs from run to run.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(\+00:00|Z)")
#: Where the node of a recorded cluster is, which nobody need know, and what is kept in its place (RFC 5737).
_ADDRESS = re.compile(r'"(?:ip|hostIP|podIP)":"([^"]+)')
_NOWHERE = "192.0.2.1"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer.

    :param user: who asked, by the name in the kubeconfig: no token is kept.
    :param at: when it was answered, in seconds since the recording began.
    """

    user: str
    method: str
    path: str
    body: Any
    status: int = 0
    kind: str = ""
    answer: str = ""
    at: float = 0.0

    def asks_as(self, other: Exchange) -> bool:
        return self._asked() == other._asked()

    def _asked(self) -> tuple[str, ...]:
        return self.user, self.method, self.path, _TIME.sub("TIME", json.dumps(self.body, sort_keys=True))

    def __str__(self) -> str:
        return " ".join(self._asked())


class Peer:
    """A server on loopback in the place of a cluster. `users`: their names, by what they say to be let in."""

    def __init__(self, users: dict[str, str]) -> None:
        self.users = users
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._lock = threading.Lock()
        #: So many requests are not answered: the connection ends.
        self.silent = 0
        self._now = 0.0
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def hear(self, asked: Exchange) -> Exchange:
        with self._lock:
            return self.answer(asked)

    def answer(self, asked: Exchange) -> Exchange:
        raise NotImplementedError

    def clock(self) -> float:
        """Seconds, which go by with the answers: so whoever goes by them does the same when they are given again."""
        return self._now


class Recorder(Peer):
    """Hands on to a cluster, and keeps what was said."""

    def __init__(self, users: dict[str, str], cluster: Asker) -> None:
        super().__init__(users)
        self._cluster = cluster
        self._tokens = {name: token for token, name in users.items()}
        self._began = time.monotonic()
        self.said: list[Exchange] = []
        #: Called once, just before the next change is handed on.
        self.before_patch: Callable[[], None] | None = None

    def answer(self, asked: Exchange) -> Exchange:
        if asked.method == "PATCH" and self.before_patch:
            act, self.before_patch = self.before_patch, None
            act()
        given = self._cluster.ask(self._tokens.get(asked.user, "stale"), asked.method, asked.path, asked.body)
        self._now = round(time.monotonic() - self._began, 3)
        heard = replace(asked, status=given.status, kind=given.kind, answer=given.text, at=self._now)
        self.said.append(heard)
        return heard

    def keep(self, file: Path) -> None:
        with gzip.GzipFile(file, "wb", mtime=0) as kept:
            for each in self.said:
                answer = each.answer
                for address in set(_ADDRESS.findall(answer)):
                    answer = answer.replace(address, _NOWHERE)
                kept.write(json.dumps(asdict(replace(each, answer=answer))).encode() + b"\n")


class Replay(Peer):
    """Answers what a cluster answered.

    :param file: a recording.
    """

    def __init__(self, users: dict[str, str], file: Path) -> None:
        super().__init__(users)
        self._left = [Exchange(**json.loads(line)) for line in gzip.decompress(file.read_bytes()).splitlines()]
        self._left.reverse()
        #: What was asked that was not recorded.
        self.fault = ""

    def answer(self, asked: Exchange) -> Exchange:
        if not self.fault and self._left and self._left[-1].asks_as(asked):
            self._now = self._left[-1].at
            return self._left.pop()
        expected = self._left[-1] if self._left else "nothing more"
        self.fault = self.fault or f"recorded is {expected}\nasked was {asked}"
        # No status that a cluster gives, and none that is worth patience.
        return Exchange(asked.user, asked.method, asked.path, None, status=418, kind="text/plain", answer=self.fault)

    def check(self) -> None:
        """See that all was asked that was recorded, and nothing else.

        :raises AssertionError: no.
        """
        assert not self.fault, self.fault
        assert not self._left, f"{len(self._left)} requests were recorded that were not made: {self._left[-1]}"


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "").partition(" ")[2]
            user = peer.users.get(token, "stranger")
            if peer.silent:
                peer.silent -= 1
                self.close_connection = True
                return
            asked = Exchange(user, self.command, self.path, json.loads(body) if body else None)
            given = peer.hear(asked)
            content = given.answer.encode()
            self.send_response(given.status)
            self.send_header("Content-Type", given.kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_PATCH = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  as http.server wants it

        def log_message(self, format: str, *args: object) -> None:
            return

    return Handler
