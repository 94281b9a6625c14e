"""A host that vanishes: its jobs are taken over when its lease has ended, and whatever wakes up there changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from core.testing.git_server import GitServer
from tests import real
from tests.e2e.harness import ROOT, Pipeline
from tests.elsewhere import Elsewhere, elsewhere

#: Tells in a record that all hosts share when it begins and how it ends. On the host that is lost it never ends by itself.
BUILD = """
say() { echo "$1 $(hostname) $(cat version)" >> "$RECORD"; }
trap 'say ended; exit 1' TERM
say begins
until [ "$(hostname)" != elsewhere ] && [ -e "$RECORD.go" ]; do sleep 0.05; done
say done
"""
FLAVOUR = """
import os, platform
from core.api import Flavour, Recipe, Repository, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
build = Use("host", command=["sh", "-c", '''RECORD=%s; . ./build.sh'''], sandbox="off")
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [Recipe("web", build, platforms=[here])])])
"""
LEASE = 6


class World:
    """A runner here, a runner elsewhere, and what they share."""

    def __init__(self, directory: Path, host: Elsewhere, pipeline: Pipeline, database: str) -> None:
        self.host, self.pipeline, self.record = host, pipeline, directory / "record"
        self._directory, self._database = directory, database
        self._started: list[subprocess.Popen[bytes]] = []
        self._version = 0

    def start(self, *, here: bool) -> subprocess.Popen[bytes]:
        words = [sys.executable, str(ROOT / "manage.py"), "run_runner"]
        # Nothing is shared between hosts but the database; logs are, by a file system of both.
        environment = dict(self.pipeline.environment)
        if not here:
            environment["DEPLOYER_DATA_DIR"] = str(self._directory / "data-elsewhere")
        with self.output(here=here).open("ab") as output:
            process = subprocess.Popen(
                words if here else self.host.command(words),
                env=environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started.append(process)
        self.pipeline.until(lambda: self.query("select 1 from core_runner where process = %s", process.pid))
        return process

    def output(self, *, here: bool) -> Path:
        return self._directory / ("output-here" if here else "output-elsewhere")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database) as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def until(self, what: Any) -> Any:
        try:
            return self.pipeline.until(what, seconds=90)
        except AssertionError as error:
            outputs = [self.output(here=each).read_text()[-3000:] for each in (True, False)]
            jobs = self.query("select id, state, runner, reason, lease_until from core_job order by id")
            raise AssertionError("\n".join([str(error), repr(self.told()), repr(jobs), *outputs])) from None

    def told(self) -> list[str]:
        return self.record.read_text().splitlines() if self.record.exists() else []

    def begun_elsewhere(self) -> int:
        """Have a build begun on the other host, and answer its version; it is then anybody's."""
        self._version += 1
        self.record.with_suffix(".go").unlink(missing_ok=True)
        drained = self.times_drained()
        self.query("update core_runner set drain_at = now() where host <> %s", self.host.name)
        self.until(lambda: self.times_drained() > drained)
        self.pipeline.work.write("version", f"{self._version}\n")
        self.pipeline.work.commit(f"Version {self._version}")
        self.pipeline.work.push("main:main")
        self.query("update core_repository set next_look_at = now()")
        self.until(lambda: f"begins {self.host.name} {self._version}" in self.told())
        self.query("update core_runner set drain_at = null")
        return self._version

    def times_drained(self) -> int:
        return self.output(here=True).read_text().count("it is being drained")

    def taken_over(self, version: int) -> None:
        """Wait until the build was begun and done here, and its row says so."""
        self.until(lambda: any(line.startswith("begins") and self._is_here(line, version) for line in self.told()))
        self.record.with_suffix(".go").touch()
        sql = "select j.state from core_job j order by j.id desc limit 1"
        self.until(lambda: self.query(sql) == [("succeeded",)])
        assert [line.split()[0] for line in self.told() if self._is_here(line, version)] == ["begins", "done"]

    def _is_here(self, line: str, version: int) -> bool:
        _, host, number = line.split()
        return host != self.host.name and number == str(version)

    def job(self) -> tuple[Any, ...]:
        return self.query("select state, runner, finished_at, reason from core_job order by id desc limit 1")[0]

    def shown(self) -> dict[str, str]:
        rows = json.loads(self.pipeline.command("processes", "--json").stdout)
        return {each["host"]: each["condition"] for each in rows}

    def stop(self) -> None:
        for process in self._started:
            for number in (signal.SIGCONT, signal.SIGTERM):
                if process.poll() is None:
                    os.killpg(process.pid, number)
        for process in self._started:
            process.wait(40)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with (
        elsewhere("elsewhere") as host,
        real.postgres(host.here) as database,
        real.redis(tmp_path, host.here) as redis,
        GitServer(tmp_path / "git", address=host.here) as server,
    ):
        pipeline = Pipeline(tmp_path, server, FLAVOUR % (tmp_path / "record"))
        pipeline.environment |= {
            "DEPLOYER_DATABASE_URL": database,
            "DEPLOYER_REDIS_URL": redis,
            "DEPLOYER_LEASE_SECONDS": str(LEASE),
        }
        pipeline.work.write("build.sh", BUILD)
        assert pipeline.command("migrate", "-v0", seconds=180).returncode == 0
        declared = pipeline.command("shell", "-c", "from core.services import declarations; declarations.load('acme')")
        assert declared.returncode == 0, declared.stderr
        world = World(tmp_path, host, pipeline, database)
        try:
            yield world
        finally:
            host.mend()
            world.stop()


def stopped(process: subprocess.Popen[bytes], number: int) -> None:
    """Freeze or wake a whole host: its runner and all that this has started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for each in (process.pid, *map(int, children)):
        os.kill(each, number)


@pytest.mark.timeout(400)
def test_what_a_lost_host_had_in_hand_is_taken_over_and_it_changes_nothing_when_it_comes_back(world: World) -> None:
    world.start(here=True)
    lost = world.start(here=False)

    # Frozen, with all that it runs.
    version = world.begun_elsewhere()
    stopped(lost, signal.SIGSTOP)
    world.taken_over(version)
    before = world.job()
    stopped(lost, signal.SIGCONT)
    world.until(lambda: f"ended elsewhere {version}" in world.told())
    world.until(lambda: "is ended: the lease could not be renewed" in world.output(here=False).read_text())

    # Cut off, alive, and on its own: it ends what it runs before anybody else begins it.
    version = world.begun_elsewhere()
    assert world.query("select state, runner, finished_at, reason from core_job order by id limit 1") == [before]
    world.host.cut()
    world.taken_over(version)
    order = [line.split()[0] for line in world.told() if line.endswith(f" {version}")]
    assert order == ["begins", "ended", "begins", "done"], world.told()
    before = world.job()
    world.host.mend()
    world.until(
        lambda: world.query(
            "select 1 from core_runner where host = 'elsewhere' and heartbeat_at > now() - interval '2 s'"
        )
    )
    assert world.job() == before

    # Killed.
    version = world.begun_elsewhere()
    lost.kill()
    lost.wait()
    world.taken_over(version)
    assert sorted(world.shown().values()) == ["alive", "gone"]
    assert world.shown()["elsewhere"] == "gone"
