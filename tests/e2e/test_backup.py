"""A backup of a real run is restored elsewhere and goes on; one that is not whole changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests import real
from tests.e2e.harness import Pipeline
from tests.e2e.test_run_pipeline import FLAVOUR, once


@pytest.fixture
def pipeline(make_pipeline: Callable[[str], Pipeline]) -> Pipeline:
    pipeline = make_pipeline(FLAVOUR)
    pipeline.work.write("build.sh", "echo built\n")
    pipeline.work.commit("First")
    pipeline.work.push("main", "main:live")
    return pipeline


def use(pipeline: Pipeline, data: Path) -> None:
    pipeline.data = data
    pipeline.environment["DEPLOYER_DATA_DIR"] = str(data)


def content(directory: Path) -> dict[str, bytes]:
    """What is under a directory, but for what any command's start makes."""
    own = {"secret_key", "pipeline.lock"}
    files = (path for path in directory.rglob("*") if path.is_file() and path.name not in own)
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def done(pipeline: Pipeline, *words: str | Path) -> str:
    ended = pipeline.command(*map(str, words))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def refused(pipeline: Pipeline, *words: str | Path) -> str:
    ended = pipeline.command(*map(str, words))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return ended.stderr


def test_what_was_restored_elsewhere_goes_on(pipeline: Pipeline, tmp_path: Path) -> None:
    assert once(pipeline)[0] == 0
    jobs, live = pipeline.jobs(), pipeline.live_commit()
    key, logs = (pipeline.data / "secret_key").read_bytes(), content(pipeline.data / "logs")
    assert (bool(live), bool(logs)) == (True, True)
    file = tmp_path / "backup.tar.zst"
    assert "with the database" in done(pipeline, "backup", file)
    assert file.stat().st_mode & 0o077 == 0
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []

    use(pipeline, tmp_path / "elsewhere")
    wrong = tmp_path / "wrong.tar.zst"
    wrong.write_bytes(file.read_bytes()[:-2000])
    assert "is no whole backup" in refused(pipeline, "restore", wrong)
    assert content(pipeline.data) == {}

    done(pipeline, "restore", file)
    assert (pipeline.data / "secret_key").read_bytes() == key
    assert content(pipeline.data / "logs") == logs
    assert once(pipeline)[0] == 0
    assert (pipeline.jobs(), pipeline.live_commit()) == (jobs, live), "nothing was left to do"

    pipeline.work.commit("Second")
    pipeline.work.push("main:live")
    assert once(pipeline)[0] == 0
    assert pipeline.live_commit() != live
    assert "--replace" in refused(pipeline, "restore", file)
    assert "What was there before is in" in done(pipeline, "restore", file, "--replace")
    assert (pipeline.jobs(), pipeline.live_commit()) == (jobs, live)


def test_a_backup_of_postgresql_is_restored_into_another_database(pipeline: Pipeline, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.zst"
    with real.postgres() as database:
        pipeline.environment["DEPLOYER_DATABASE_URL"] = database
        done(pipeline, "migrate", "-v0")
        assert once(pipeline)[0] == 0
        before = done(pipeline, "status", "--json")
        done(pipeline, "backup", file)

        use(pipeline, tmp_path / "elsewhere")
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("create database elsewhere")
        pipeline.environment["DEPLOYER_DATABASE_URL"] = database.removesuffix("postgres") + "elsewhere"
        done(pipeline, "restore", file)
        assert done(pipeline, "status", "--json") == before
        pipeline.work.commit("Second")
        pipeline.work.push("main:live")
        status, told = once(pipeline)
        assert status == 0, told
        done(pipeline, "restore", file, "--replace")
        assert done(pipeline, "status", "--json") == before
