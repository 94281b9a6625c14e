"""kill -9 of anything, at any moment: afterwards it converges, nothing ran twice at once, and no log is lost."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import Pipeline

ROUNDS = int(os.environ.get("DEPLOYER_CHAOS_ROUNDS", "20"))

FLAVOUR = """
import os, platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
deployer = Use("host", activate=["python3", "activate.py"], env={"RECORD": os.environ["RECORD"]})
target = Target("live", "acme/shop:live", [Service("shop", deployer)])
build = Use("host", command=["python3", "-c", "import time; time.sleep(0.2); print('built')"])
recipe = Recipe("web", build, platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)])
"""

#: Says when it began and ended, and whether another one of it ran at the same time.
ACTIVATE = """
import fcntl, os, time
record = open(os.environ["RECORD"], "a", buffering=1)
alone = open(os.environ["RECORD"] + ".lock", "a")
try:
    fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    record.write("twice at once\\n")
record.write(f"begin {open('version').read().strip()}\\n")
time.sleep(0.4)
record.write(f"end {open('version').read().strip()}\\n")
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    return tmp_path / "record"


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline], record: Path) -> Pipeline:
    pipeline = make_pipeline(FLAVOUR)
    pipeline.work.write("activate.py", ACTIVATE)
    push(pipeline, 0)
    return pipeline


def push(pipeline: Pipeline, version: int) -> str:
    pipeline.work.write("version", f"{version}\n")
    commit = pipeline.work.commit(f"Version {version}")
    pipeline.work.push("main:live")
    return commit


def is_live(pipeline: Pipeline, commit: str) -> bool:
    return pipeline.live_commit() == commit and not pipeline.active()


@pytest.mark.timeout(900)
def test_whatever_is_killed_the_last_push_goes_live_and_nothing_runs_twice_at_once(
    pipeline: Pipeline, record: Path
) -> None:
    dice = random.Random(2026)
    pipeline.start()
    pipeline.until(pipeline.live_commit)
    commit = ""
    for round in range(1, ROUNDS + 1):
        commit = push(pipeline, round)
        time.sleep(dice.uniform(0, 2.5))
        victims = dice.choice([("run_runner",), ("run_runner",), ("run_web",), ("qcluster",), ()])
        pipeline.kill(*victims)
        if not victims:
            pipeline.start()
    pipeline.until(lambda: is_live(pipeline, commit), seconds=120)

    told = record.read_text().splitlines()
    assert "twice at once" not in told
    assert told[-1] == f"end {ROUNDS}"
    begun = [int(line.split()[1]) for line in told if line.startswith("begin")]
    assert begun == sorted(begun), "an older release was deployed after a newer one"
    for job, title, state, _, log in pipeline.jobs():
        text = (pipeline.data / "logs" / log).read_text() if (pipeline.data / "logs" / log).exists() else ""
        if state != "cancelled":
            assert title in text, f"the log of job {job} lost its beginning"
            assert f" {state}" in text.splitlines()[-1], f"the log of job {job} lost its end"


def test_a_stopped_pipeline_leaves_no_process_and_goes_on_where_it_was(pipeline: Pipeline, record: Path) -> None:
    pipeline.start()
    first = pipeline.until(pipeline.live_commit)
    assert pipeline.stop() == 0
    assert pipeline.processes("manage.py", "run_", "qcluster") == []
    second = push(pipeline, 1)
    pipeline.start()
    pipeline.until(lambda: is_live(pipeline, second))
    assert first != second
    assert pipeline.stop() == 0
