"""The front door of the demo's service: one address for all of its tasks, wherever they are just now.

Routing by the swarm itself needs a module of the kernel that not every machine has; each task is published on a port of its
own instead, and this asks the engine where they are, as Traefik or Caddy would.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import docker
import requests

#: Seconds between two looks at where the tasks are.
_LOOK = 0.2
#: Seconds that a task is given to answer.
_TIMEOUT = 5


class Front:
    """Passes requests on to the tasks of a service in turn; a task that is just going is passed over."""

    def __init__(self, service: str, port: int) -> None:
        self._service = service
        self._ports: Sequence[int] = ()
        self._turn = itertools.count()
        self._ending = threading.Event()
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                front.answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are nobody's news."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._threads = [
            threading.Thread(target=self._server.serve_forever, daemon=True),
            threading.Thread(target=self._follow, daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request with a task's answer."""
        end = time.monotonic() + _TIMEOUT
        while time.monotonic() < end:
            for port in self._in_turn():
                try:
                    answer = requests.get(f"http://127.0.0.1:{port}{request.path}", timeout=_TIMEOUT)
                except requests.RequestException:
                    continue
                self._send(request, answer.status_code, answer.headers.get("Content-Type", ""), answer.content)
                return
            time.sleep(_LOOK / 4)
        self._send(request, 503, "text/plain", b"no task of the service runs\n")

    def _in_turn(self) -> Sequence[int]:
        ports = self._ports
        first = next(self._turn) % len(ports) if ports else 0
        return [*ports[first:], *ports[:first]]

    def _send(self, request: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        # Whoever asked may have gone meanwhile.
        with contextlib.suppress(ConnectionError):
            request.send_response(status)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)

    def _follow(self) -> None:
        while not self._ending.wait(_LOOK):
            try:
                client: Any = docker.from_env(timeout=5)
                tasks = client.api.tasks(filters={"service": self._service, "desired-state": "running"})
                self._ports = sorted(port for task in tasks for port in _ports(task))
                client.close()
            except (docker.errors.DockerException, requests.RequestException):
                continue


def _ports(task: dict[str, Any]) -> list[int]:
    if task["Status"]["State"] != "running":
        return []
    ports = (task["Status"].get("PortStatus") or {}).get("Ports") or []
    return [int(port["PublishedPort"]) for port in ports]
