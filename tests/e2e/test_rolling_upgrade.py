"""The deployer itself is upgraded while it works: the former version lives with the new tables, and beside the new one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import real
from tests.e2e.harness import ROOT, Pipeline
from tests.e2e.test_several_hosts import FLAVOUR
from tests.former import former

#: Of the former version.
PAGES = "/", "/services/", "/jobs/", "/activity/", "/settings/", "/pools/", "/plugins/", "/api/services", "/readyz"


class Two:
    """Processes of the former and of this version, on one database."""

    def __init__(self, pipeline: Pipeline, tree: Path, database: str, directory: Path) -> None:
        self.pipeline, self._tree, self._database, self._directory = pipeline, tree, database, directory
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, *command: str, old: bool) -> subprocess.Popen[bytes]:
        tree = self._tree if old else ROOT
        environment = dict(self.pipeline.environment)
        environment["PYTHONPATH"] = os.pathsep.join([str(tree), environment["PYTHONPATH"]])
        with (self._directory / f"output-{len(self._started)}").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *command], env=environment, cwd=tree, stdout=output, stderr=output
            )
        self._started.append(process)
        return process

    def run(self, *command: str, old: bool) -> None:
        process = self.start(*command, old=old)
        assert process.wait(120) == 0, self.told()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database) as connection:
            return connection.execute(sql, values).fetchall()

    def live(self, commit: str) -> bool:
        assert all(process.poll() in (None, 0) for process in self._started), self.told()
        sql = (
            "select 1 from core_service s join core_release r on r.id = s.current_id "
            "join core_commit c on c.id = r.commit_id where c.hash = %s"
        )
        return bool(self.query(sql, commit))

    def push(self, message: str) -> str:
        """Push to the deployment branch and have it seen at once."""
        commit = self.pipeline.work.commit(message)
        self.pipeline.work.push("main:live")
        with psycopg.connect(self._database) as connection:
            connection.execute("update core_repository set next_look_at = now()")
        return commit

    def deploy(self, message: str) -> set[str]:
        """Push, wait until it is live, and answer which runners did it."""
        commit = self.push(message)
        self.pipeline.until(lambda: self.live(commit), seconds=90)
        sql = "select j.runner from core_job j join core_commit c on c.id = j.commit_id where c.hash = %s"
        return {name for (name,) in self.query(sql, commit)}

    def runner(self, process: subprocess.Popen[bytes]) -> str:
        sql = "select name from core_runner where process = %s"
        return str(self.pipeline.until(lambda: self.query(sql, process.pid))[0][0])

    def told(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self._directory.glob("output-*"))

    def stop(self) -> None:
        for process in self._started:
            process.terminate()
        for process in self._started:
            process.wait(30)


@pytest.fixture
def two(make_pipeline: Callable[[str], Pipeline], tmp_path: Path) -> Iterator[Two]:
    tree = former(tmp_path)
    with real.postgres() as database, real.redis(tmp_path) as redis:
        pipeline = make_pipeline(FLAVOUR)
        pipeline.environment |= {"DEPLOYER_DATABASE_URL": database, "DEPLOYER_REDIS_URL": redis}
        pipeline.work.commit("First")
        pipeline.work.push("main:live")
        two = Two(pipeline, tree, database, tmp_path)
        try:
            yield two
        finally:
            two.stop()


@pytest.mark.timeout(300)
def test_the_former_version_works_with_the_new_tables_and_beside_the_new_version(two: Two) -> None:
    two.run("migrate", "-v0", old=False)
    two.run("run_pipeline", "--flavour", "acme", "--once", old=True)
    old = two.start("run_runner", old=True)
    two.start("run_web", "--port", str(two.pipeline.port), old=True)
    before = two.runner(old)
    assert two.deploy("Done by the former version with the new tables") == {before}
    for page in PAGES:
        with urllib.request.urlopen(f"http://127.0.0.1:{two.pipeline.port}{page}", timeout=30) as answer:
            assert answer.status == 200, page

    after = two.runner(two.start("run_runner", old=False))
    assert two.deploy("Done by both together") <= {before, after}
    told = json.loads(two.pipeline.command("processes", "--json").stdout)
    assert {each["name"]: each["older"] for each in told} == {before: True, after: False}

    old.terminate()
    assert old.wait(60) == 0
    assert two.deploy("Done by the new version alone") == {after}
    assert "Traceback" not in two.told()
