"""On PostgreSQL and Redis the same code runs as processes of their own, as it would on several hosts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import real
from tests.e2e.harness import ROOT, Pipeline

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
target = Target("live", "acme/shop:live", [Service("shop", Use("host"))])
recipe = Recipe("web", Use("host", command=["true"]), platforms=[here], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe])])
"""


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline], tmp_path: Path) -> Iterator[Pipeline]:
    with real.postgres() as database, real.redis(tmp_path) as redis:
        pipeline = make_pipeline(FLAVOUR)
        pipeline.environment |= {"DEPLOYER_DATABASE_URL": database, "DEPLOYER_REDIS_URL": redis}
        yield pipeline


def services(pipeline: Pipeline) -> list[dict[str, object]]:
    done = pipeline.command("status", "--json")
    assert done.returncode == 0, done.stderr
    told: list[dict[str, object]] = json.loads(done.stdout)
    return told


def test_two_runners_a_web_and_a_qcluster_deploy_what_is_pushed(pipeline: Pipeline) -> None:
    pipeline.work.commit("First")
    pipeline.work.push("main:live")
    refused = pipeline.command("run_pipeline", "--flavour", "acme", "--once")
    assert (refused.returncode, "run `manage.py migrate` first" in refused.stderr) == (2, True), refused.stderr
    assert pipeline.command("migrate", "-v0").returncode == 0
    once = pipeline.command("run_pipeline", "--flavour", "acme", "--once")
    assert once.returncode == 0, once.stdout + once.stderr

    commands = [["run_runner"], ["run_runner"], ["run_web", "--port", str(pipeline.port)], ["qcluster"]]
    started = [
        subprocess.Popen(
            [sys.executable, "manage.py", *command],
            env=pipeline.environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]
    try:
        commit = pipeline.work.commit("Second")
        pipeline.work.push("main:live")
        look = (
            "from core import clock; from core.models import Repository; from core.services import heads; "
            "heads.ask(Repository.objects.all(), clock.now())"
        )
        assert pipeline.command("shell", "-c", look).returncode == 0
        pipeline.until(lambda: commit in json.dumps(services(pipeline)), seconds=90)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
