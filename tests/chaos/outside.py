"""What is outside of the deployer: services that take time to be moved, builders, people who are told. Its own process.

    python -m tests.chaos.outside ADDRESS PORT DIRECTORY

Each thing that really happens is one line of JSON in `DIRECTORY/journal`, with the machine's monotonic time; nothing
there is written by the deployer. A service is moved like Docker's: by whoever knows the version that it has now, one
move at a time, and a move that was begun ends, whatever becomes of who asked for it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Seconds that a move takes, and that it takes where it is slow: longer than a lease.
MOVE, SLOW_MOVE = 0.3, 4.0


class Outside:
    """The services, and the journal of what happens to them."""

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._journal = (directory / "journal").open("a", buffering=1)
        self._services: dict[str, dict[str, Any]] = {}
        # Once more, by the kernel: whoever held this while another moves would show.
        self._locks = directory / "locks"
        self._locks.mkdir(exist_ok=True)

    def record(self, event: str, **facts: Any) -> None:
        self._journal.write(json.dumps({"at": time.monotonic(), "event": event, **facts}) + "\n")

    def state(self, name: str) -> dict[str, Any]:
        with self._lock:
            return dict(self._service(name))

    def _service(self, name: str) -> dict[str, Any]:
        return self._services.setdefault(name, {"digest": None, "version": 0, "moving": False})

    def move(self, name: str, asked: dict[str, Any]) -> int:
        """Move a service, taking its time; answer an HTTP status."""
        with self._lock:
            service = self._service(name)
            if service["moving"] or service["version"] != asked["version"]:
                self.record("refused", service=name, moving=service["moving"], **asked)
                return 409
            service["moving"] = True
            service["version"] += 1
        try:
            os.close(os.open(self._locks / name, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            self.record("overlap", service=name, **asked)
        self.record("move", service=name, **asked)
        time.sleep(SLOW_MOVE if name.endswith("-slow") else MOVE)
        with self._lock:
            service["digest"], service["moving"] = asked["digest"], False
            self.record("moved", service=name, **asked)
            (self._locks / name).unlink()
        return 200


class Handler(BaseHTTPRequestHandler):
    outside: Outside
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer(200, self.outside.state(self.path.rpartition("/")[2]))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        verb, _, name = self.path.strip("/").partition("/")
        if verb == "move":
            self._answer(self.outside.move(name, asked), {})
            return
        self.outside.record(verb, **asked)
        if verb == "work":
            time.sleep(asked["seconds"])
        self._answer(200, {})

    def _answer(self, status: int, told: dict[str, Any]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the journal does."""

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            # Whoever asked is gone; what was begun goes on.
            return


def main() -> None:
    address, port, directory = sys.argv[1:]
    handler = type("Bound", (Handler,), {"outside": Outside(Path(directory))})
    server = ThreadingHTTPServer((address, int(port)), handler)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
