"""Signs of life, and what a health check makes of them."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from core import liveness
from core.liveness import Life
from tests.e2e.harness import ROOT

NOT_READY = {
    "ready": False,
    "checks": [
        {"name": "database", "ok": True, "needed": True, "sentence": "It answers."},
        {"name": "runner", "ok": False, "needed": True, "sentence": "None is alive: start one"},
        {"name": "schedules", "ok": False, "needed": False, "sentence": "Late"},
    ],
}


def healthy(directory: Path | None, *words: str) -> tuple[int, str]:
    """What a container's health check runs."""
    environment = {**os.environ, "DEPLOYER_LIFE_DIR": str(directory or "")}
    command = [sys.executable, str(ROOT / "manage.py"), "healthy", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout.strip()


def test_a_process_is_well_for_as_long_as_it_said(tmp_path: Path) -> None:
    Life(tmp_path, "runner").sign(60, "3 jobs in hand")
    assert healthy(tmp_path, "runner") == (0, "runner: 3 jobs in hand")
    assert healthy(tmp_path) == (0, "runner: 3 jobs in hand")
    Life(tmp_path, "runner").sign(-5, "3 jobs in hand")
    status, said = healthy(tmp_path, "runner")
    assert (status, "no sign of life for" in said) == (1, True)


def test_all_that_left_a_sign_have_to_be_well(tmp_path: Path) -> None:
    Life(tmp_path, "runner").sign(60, "fine")
    Life(tmp_path, "qcluster").sign(-1, "late")
    status, said = healthy(tmp_path)
    assert (status, said.startswith("runner: fine; qcluster: no sign")) == (1, True)


def test_before_the_first_sign_and_without_a_directory_nothing_is_well(tmp_path: Path) -> None:
    assert healthy(tmp_path)[0] == 1
    assert healthy(tmp_path, "web") == (1, "web: not started yet, or it waits for something; see its messages")
    assert healthy(None, "web") == (1, "DEPLOYER_LIFE_DIR is not set: no process leaves a sign of life anywhere")
    assert healthy(tmp_path, "somebody") == (2, "healthy may be given one of web, runner, qcluster")


def test_a_sign_of_one_that_ended_or_that_is_torn_is_none(tmp_path: Path) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    Life(tmp_path, "runner").sign(60, "fine")
    told = json.loads((tmp_path / "runner").read_text())
    (tmp_path / "runner").write_text(json.dumps({**told, "pid": ended.pid}))
    assert liveness.look(tmp_path, "runner") == (False, f"runner: process {ended.pid} has ended")
    (tmp_path / "runner").write_text('{"pid": ')
    assert "cannot be read" in liveness.look(tmp_path, "runner")[1]


def test_nothing_is_lost_where_no_sign_can_be_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    Life(tmp_path / "file", "runner").sign(60, "fine")
    Life(None, "runner").sign(60, "fine")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Any]:
    """A web that answers as `answer` says, and remembers which name it was asked by."""

    class Web(BaseHTTPRequestHandler):
        answer: tuple[int, str] = (200, "{}")
        asked: str | None = None

        def do_GET(self) -> None:
            status, text = Web.answer
            Web.asked = f"{self.headers['Host']} {self.path}"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        Life(tmp_path, "web").sign(math.inf, "here", url=url, host="deploy.example.org")
        yield Web
        server.shutdown()


@pytest.mark.parametrize(
    ("answer", "well", "said"),
    [
        ((200, "{}"), True, "web: it answers, and is ready"),
        (
            (503, json.dumps(NOT_READY)),
            True,
            "web: it answers; not ready: runner: None is alive: start one",
        ),
        ((503, "<html>"), False, "web: it answers with status 503"),
        ((400, "{}"), False, "web: it answers with status 400"),
    ],
)
def test_the_web_is_asked_by_a_name_that_it_answers_to(web, tmp_path, monkeypatch, answer, well, said) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    web.answer = answer
    assert liveness.look(tmp_path, "web") == (well, said)
    assert web.asked == "deploy.example.org /readyz"


def test_a_web_that_does_not_answer_is_not_well(tmp_path: Path) -> None:
    Life(tmp_path, "web").sign(math.inf, "here", url="http://127.0.0.1:1", host="localhost")
    well, said = liveness.look(tmp_path, "web")
    assert (well, "it does not answer" in said) == (False, True)
