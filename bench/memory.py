"""Memory of the whole process tree: idle, and with 200 jobs that wait. PSS: shared pages are counted once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.push_to_log import FLAVOUR, answers
from core.testing.git_server import GitServer, run_git
from tests.e2e.harness import NAME, Pipeline

JOBS = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, GitServer(Path(directory) / "git") as server:
        pipeline = Pipeline(Path(directory), server, FLAVOUR.replace("{git}", str(server.root / f"{NAME}.git")))
        try:
            pipeline.start("--confirm", "harmless")
            pipeline.until(lambda: answers(f"http://127.0.0.1:{pipeline.port}/readyz"))
            idle = _tell("idle", pipeline)
            for number in range(JOBS):
                pipeline.work.commit(f"Commit {number}")
                run_git("branch", f"b{number}", cwd=pipeline.work.path)
            pipeline.work.push("refs/heads/*:refs/heads/*")
            pipeline.command("shell", "-c", _LOOK)
            pipeline.until(lambda: pipeline.active() == JOBS)
            waiting = _tell(f"with {JOBS} jobs that wait", pipeline)
        finally:
            pipeline.kill()
    print(f"  {'ratio':<58} {waiting / idle:10.2f} × idle")


_LOOK = """
from django.utils import timezone
from core.models import Repository
from core.services import heads
heads.ask(Repository.objects.all(), timezone.now())
"""


def _tell(what: str, pipeline: Pipeline) -> float:
    sizes = [_pss(process) for process in pipeline.processes()]
    print(f"  {what:<58} {sum(sizes):10.1f} MiB in {len(sizes)} processes", flush=True)
    return sum(sizes)


def _pss(process: int) -> float:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
