"""The notifier keeps what every notifier promises."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from deployer_skeleton.notifier import SkeletonNotifier, SkeletonOptions

from core.api import Notifier, Options
from core.testing.conformance.notifiers import NotifierConformance


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(json.loads(body)["text"])
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class TestSkeletonNotifier(NotifierConformance):
    @pytest.fixture
    def server(self) -> Iterator[_Server]:
        with _Server() as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield server
            server.shutdown()

    @pytest.fixture
    def notifier(self) -> Notifier:
        return SkeletonNotifier()

    @pytest.fixture
    def options(self, server: _Server) -> Options:
        return SkeletonOptions(url=f"http://127.0.0.1:{server.server_port}/")

    @pytest.fixture
    def unreachable(self) -> Options:
        return SkeletonOptions(url="http://127.0.0.1:1/")

    @pytest.fixture
    def heard(self, server: _Server) -> Callable[[], Sequence[str]]:
        return lambda: server.heard
