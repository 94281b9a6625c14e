"""The demo on Docker Swarm: a push goes live, a bad one rolls back by itself, and nobody outside notices either."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from core.testing.git_server import run_git
from tests.docker_real import RealEngine, engine, unique
from tests.e2e.harness import free_port
from tests.e2e.test_demo import Demo, until
from tests.real import required

__all__ = ["engine"]


class SwarmDemo(Demo):
    """The demo on the shared engine, with a service of its own name."""

    docker = True

    def __init__(self, directory: Path, engine: RealEngine) -> None:
        super().__init__(directory)
        self.engine = engine
        self.name = unique("demo")
        self.environment |= {
            "DOCKER_HOST": engine.url,
            "DEMO_REGISTRY_PORT": str(free_port()),
            "DEMO_SERVICE": self.name,
            "DEPLOYER_LEASE_SECONDS": "5",
        }

    def greeting(self) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{self.service}/", timeout=10).text
        except requests.RequestException:
            return ""

    def push(self, branch: str, *, force: bool = False) -> None:
        work, bare = self.data / "work-docker", self.data / "git" / "demo" / "web.git"
        run_git("push", "--quiet", *(["--force"] if force else []), str(bare), f"{branch}:live", cwd=work)

    def log(self) -> str:
        return "\n".join(
            path.read_text(errors="replace") for path in sorted((self.data / "logs").rglob("*deployment.log"))
        )

    def update(self) -> str:
        service = self.engine.client().services.get(self.name)
        return str((service.attrs.get("UpdateStatus") or {}).get("State", ""))


class Visitors:
    """A load client: asks all the time, and counts what it is answered."""

    def __init__(self, demo: Demo) -> None:
        self.answers: Counter[str] = Counter()
        self._demo = demo
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(2)]

    def _ask(self) -> None:
        session = requests.Session()
        while not self._ending.is_set():
            try:
                answer = session.get(f"http://127.0.0.1:{self._demo.service}/", timeout=10)
                self.answers["ok" if answer.ok and "world" in answer.text else f"{answer.status_code}"] += 1
            except requests.RequestException as error:
                self.answers[type(error).__name__] += 1
            time.sleep(0.01)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def demo(tmp_path: Path, engine: RealEngine) -> Iterator[SwarmDemo]:
    required("docker-registry", "docker-registry")
    demo = SwarmDemo(tmp_path, engine)
    yield demo
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEPLOYER_DATA_DIR={demo.data}".encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue
    engine.cli("service", "rm", demo.name, check=False)


def test_a_bad_push_rolls_back_by_itself_and_no_request_fails(demo: SwarmDemo) -> None:
    running = demo.start()
    try:
        until(lambda: "Hello, world" in demo.greeting(), demo.log, 120)
        until(lambda: demo.update() == "completed", demo.log)
        with Visitors(demo) as visitors:
            demo.push("feature")
            until(lambda: "Good day" in demo.greeting() and demo.update() == "completed", demo.log)
            until(lambda: "runs 127.0.0.1" in demo.log(), demo.log)
            demo.push("unhealthy", force=True)
            until(lambda: "was not moved" in demo.log(), demo.log, 90)
        assert set(visitors.answers) == {"ok"}, visitors.answers
        assert visitors.answers["ok"] > 100
        assert "Good day" in demo.greeting()
        assert "health check of" in demo.log(), "the answer of the health check is in the log"
        assert "It was rolled back and runs" in demo.log()
    finally:
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=180)
    assert running.returncode == 0, told
    assert "unhealthy:live" in told, "the demo tells how to break it"


def test_killing_the_deployer_during_a_move_loses_nothing(demo: SwarmDemo) -> None:
    running = demo.start()
    until(lambda: "Hello, world" in demo.greeting() and demo.update() == "completed", demo.log, 120)
    demo.push("feature")
    until(lambda: demo.update() == "updating", demo.log)
    _kill(demo)
    running.wait(30)
    again = demo.start()
    try:
        until(lambda: "Good day" in demo.greeting() and demo.log().count(" succeeded") == 2, demo.log, 120)
        assert demo.log().count("moving it to") == 2, "the second move was taken up, not begun anew"
    finally:
        again.send_signal(signal.SIGINT)
        again.communicate(timeout=180)


def _kill(demo: SwarmDemo) -> None:
    """kill -9 of every process of the demo at once."""
    mark = f"DEPLOYER_DATA_DIR={demo.data}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mine = (
                mark in (process / "environ").read_bytes()
                or str(demo.data).encode() in (process / "cmdline").read_bytes()
            )
        except OSError:
            continue
        if mine:
            os.kill(int(process.name), signal.SIGKILL)
