"""The hook that tells the deployer of a push, run by a real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from plugins.git.post_receive import post_receive_hook
from tests import real
from tests.e2e.harness import free_port

PATH = "/webhooks/git?repository=acme/shop"


class Web(ThreadingHTTPServer):
    """A deployer that is there, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.asked: list[tuple[str, str]] = []
        self.heard = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_POST(self) -> None:
        self.server.asked.append((self.command, self.path))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.heard.set()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize("program", ["curl", "wget"])
def test_it_tells_a_deployer_that_starts_after_the_push(tmp_path: Path, program: str) -> None:
    real.required(program, program)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / program).symlink_to(shutil.which(program) or "")
    port = free_port()
    hook = tmp_path / "post-receive"
    hook.write_text(post_receive_hook(f"http://127.0.0.1:{port}{PATH}"))
    shell = shutil.which("sh") or ""
    began = time.monotonic()
    done = subprocess.run(
        [shell, hook], env={**os.environ, "PATH": str(programs)}, capture_output=True, timeout=30, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    # A connection that is refused leaves no trace to wait for.
    time.sleep(max(0.5 - (time.monotonic() - began), 0))
    with Web(port) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        try:
            assert web.heard.wait(60)
        finally:
            web.shutdown()
    assert web.asked == [("POST", PATH)]
