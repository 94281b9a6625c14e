"""The demo, as somebody who has just cloned the repository meets it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from core.testing.git_server import run_git
from tests.e2e.harness import ROOT, free_port


class Demo:
    """One place to run the demo in, with ports of its own."""

    docker = False

    def __init__(self, directory: Path) -> None:
        self.data = directory / "demo"
        self.web, self.service = free_port(), free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("DEPLOYER_")},
            "DEMO_GIT_PORT": str(free_port()),
            "DEMO_SERVICE_PORT": str(self.service),
        }
        self.environment["PYTHONFAULTHANDLER"] = "1"
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)

    def command(self, *arguments: str) -> list[str]:
        return [
            sys.executable,
            "-m",
            "deployer_site.demo",
            "--data",
            str(self.data),
            "--port",
            str(self.web),
            "--docker",
            "yes" if self.docker else "no",
            *arguments,
        ]

    def once(self) -> tuple[int, str]:
        done = subprocess.run(
            self.command("--once"),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(),
            env=self.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def end(self, process: subprocess.Popen[str]) -> str:
        """Press Ctrl-C and answer what it printed; a process that does not end tells where each of its threads is."""
        process.send_signal(signal.SIGINT)
        try:
            return process.communicate(timeout=180)[0]
        except subprocess.TimeoutExpired:
            left = self.processes()
            process.send_signal(signal.SIGABRT)
            raise AssertionError(f"{left}\n{process.communicate(timeout=10)[0]}") from None

    def greeting(self) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{self.service}/", timeout=2).text
        except requests.ConnectionError:
            return ""

    def push(self, branch: str, *, force: bool = False) -> None:
        """Push a branch to `live`, straight into the repository: its server is down between two runs."""
        work, bare = self.data / "work", self.data / "git" / "demo" / "hello.git"
        run_git("push", "--quiet", *(["--force"] if force else []), str(bare), f"{branch}:live", cwd=work)

    def processes(self) -> list[str]:
        mark = f"DEPLOYER_DATA_DIR={self.data}".encode()
        return [
            (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            for entry in Path("/proc").glob("[0-9]*")
            if _environment(entry) and mark in _environment(entry)
        ]


def _environment(entry: Path) -> bytes:
    try:
        return (entry / "environ").read_bytes()
    except OSError:
        return b""


def catches(process: subprocess.Popen[str], number: int) -> bool:
    """Whether a process has a handler for a signal: the interpreter itself has one for SIGINT only."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (number - 1) & 1)


def until(what: Callable[[], bool], told: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return
        time.sleep(0.1)
    raise AssertionError(told())


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    demo = Demo(tmp_path)
    yield demo
    stop = [sys.executable, str(ROOT / "manage.py"), "host_services", "stop"]
    environment = {**demo.environment, "DEPLOYER_DATA_DIR": str(demo.data)}
    subprocess.run(stop, env=environment, cwd=ROOT, capture_output=True, timeout=180, check=False)


def test_once_is_well_with_a_broken_branch_and_not_with_a_broken_deployment_branch(demo: Demo) -> None:
    status, told = demo.once()
    assert (status, "All is well" in told) == (0, True), told
    demo.push("broken", force=True)
    status, told = demo.once()
    assert (status, "python3 -m unittest --verbose exited with status 1" in told) == (1, True), told
    demo.push("feature", force=True)
    status, told = demo.once()
    assert status == 0, told


def test_a_push_goes_live_a_broken_one_does_not_and_ctrl_c_ends_it_all(demo: Demo) -> None:
    process = demo.start()
    try:
        until(lambda: "Hello, world" in demo.greeting(), process.poll)
        work = demo.data / "work"
        run_git("push", "--quiet", "origin", "feature:live", cwd=work)
        until(lambda: "Good day" in demo.greeting(), demo.greeting)
        run_git("push", "--quiet", "--force", "origin", "broken:live", cwd=work)
        page = f"http://127.0.0.1:{demo.web}/services/1/"
        until(lambda: "failed" in requests.get(page, timeout=5).text, lambda: requests.get(page, timeout=5).text)
        assert "Good day" in demo.greeting(), "what ran goes on running"
    finally:
        told = demo.end(process)
    assert process.returncode == 0, told
    assert f"http://127.0.0.1:{demo.web}/" in told
    assert "git push origin feature:live" in told
    assert demo.processes() == []
    assert demo.greeting() == ""

    again = demo.start()
    try:
        until(lambda: "Good day" in demo.greeting(), demo.greeting)
    finally:
        told = demo.end(again)
    assert (again.returncode, demo.processes()) == (0, []), told


@pytest.mark.parametrize("seconds", [0, 0.5, 1.0, 1.5, 2.0])
def test_ctrl_c_while_it_starts_ends_it_quietly(demo: Demo, seconds: float) -> None:
    process = demo.start()
    until(lambda: catches(process, signal.SIGTERM), process.poll)
    time.sleep(seconds)
    told = demo.end(process)
    assert (process.returncode, demo.processes()) == (0, []), told
    assert "Traceback" not in told


def test_a_port_that_is_taken_is_named_with_what_to_set(demo: Demo) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(demo.environment["DEMO_GIT_PORT"])))
        taken.listen()
        status, told = demo.once()
    assert status == 2
    assert "set DEMO_GIT_PORT to another" in told
