"""From a push's webhook to the first line of its build's log, against the start of the same command in a sandbox."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import requests

from bench.timing import median, tell
from core.testing.git_server import GitServer
from tests.e2e.harness import NAME, Pipeline

PUSHES = 15
FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
recipe = Recipe("web", Use("host", command=["sh", "build.sh"]), platforms=[here])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe])])
"""


def main() -> None:
    command = ["bwrap", "--ro-bind", "/", "/", "--unshare-all", "sh", "-c", "echo the first line"]
    baseline = median(lambda: subprocess.run(command, capture_output=True, check=True), times=20)
    with tempfile.TemporaryDirectory() as directory, GitServer(Path(directory) / "git") as server:
        # A path: what a plain Git server on the same host offers. Over HTTP, `git http-backend` adds its own start.
        pipeline = Pipeline(Path(directory), server, FLAVOUR.replace("{git}", str(server.root / f"{NAME}.git")))
        try:
            taken = measure(pipeline)
        finally:
            pipeline.kill()
    tell("the command's own start, in a sandbox", baseline)
    tell(f"webhook to first line, median of {PUSHES} pushes", statistics.median(taken), baseline, "the command's start")
    tell("of that, beyond the command's own start", statistics.median(taken) - baseline)


def measure(pipeline: Pipeline) -> list[float]:
    """The seconds that each push took."""
    pipeline.work.write("build.sh", "echo the first line\n")
    pipeline.start()
    url = f"http://127.0.0.1:{pipeline.port}"
    pipeline.until(lambda: answers(f"{url}/readyz"))
    taken = []
    for number in range(PUSHES):
        pipeline.work.write("version", str(number))
        pipeline.work.commit(f"Version {number}")
        pipeline.work.push("main")
        start = time.perf_counter()
        requests.post(f"{url}/webhooks/git", params={"repository": NAME}, timeout=5).raise_for_status()
        _wait_for_line(pipeline.data / "logs", number + 1)
        taken.append(time.perf_counter() - start)
        pipeline.until(lambda: not pipeline.active())
    return taken


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False


def _wait_for_line(logs: Path, count: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if sum(b"\nthe first line" in log.read_bytes() for log in logs.glob("*/*-build.log")) >= count:
            return
        time.sleep(0.001)
    raise AssertionError("no log has the line")
