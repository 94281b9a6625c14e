"""Processes may be started in any order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from redis.exceptions import ConnectionError as NoRedis

from core.engine import readiness
from core.engine.readiness import NotWellError
from core.management import starting
from core.models import Flavour
from tests import real
from tests.e2e.harness import ROOT, free_port


@pytest.fixture(autouse=True)
def _quick(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "_LOOK", 0)
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"start_timeout": 60.0})


def failing(times: int, error: Exception) -> Any:
    """Something that fails so many times before it goes well."""
    left = iter([error] * times)

    def call(*_: Any, **__: Any) -> str:
        for each in left:
            raise each
        return "It answers."

    return call


@pytest.mark.django_db
def test_what_is_not_there_yet_is_waited_for_and_told_once(settings, monkeypatch, caplog) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"redis_url": "redis://:sesame@redis:6379/0"})
    refused = NotWellError("It does not answer: connection refused")
    monkeypatch.setattr(readiness, "database", failing(3, refused))
    monkeypatch.setattr(readiness, "migrations", failing(2, NotWellError("2 migrations are not applied")))
    monkeypatch.setattr("redis.Redis.ping", failing(1, NoRedis("refused")))
    starting.wait()
    said = [record.message for record in caplog.records if record.name == "core.management.starting"]
    assert said == [
        "waiting for the database: It does not answer: connection refused",
        "the database is there",
        "waiting for the database's last migration: 2 migrations are not applied",
        "the database's last migration is there",
        "waiting for Redis: It does not answer: refused",
        "Redis is there",
    ]


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("database", "the database was not there within 0 s .*DEPLOYER_START_TIMEOUT.*DEPLOYER_DATABASE_URL"),
        ("migrations", "last migration was not there within 0 s .*DEPLOYER_START_TIMEOUT.*`prepare`"),
    ],
)
@pytest.mark.django_db
def test_after_a_while_it_ends_with_the_name_of_the_setting(settings, monkeypatch, what, told) -> None:
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"start_timeout": 0.0})
    monkeypatch.setattr(readiness, what, failing(1, NotWellError("It is not there")))
    for command in ("run_runner", "run_web", "qcluster"):
        with pytest.raises(CommandError, match=told):
            call_command(command)
        monkeypatch.setattr(readiness, what, failing(1, NotWellError("It is not there")))


@pytest.mark.django_db
def test_redis_that_is_not_there_ends_it_as_well(settings) -> None:
    url = f"redis://:sesame@127.0.0.1:{free_port()}/0"
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"start_timeout": 0.0, "redis_url": url})
    with pytest.raises(CommandError, match=r"Redis was not there within 0 s .*DEPLOYER_REDIS_URL") as raised:
        starting.wait()
    assert "sesame" not in str(raised.value)


@pytest.mark.django_db(transaction=True)
def test_prepare_declares_the_flavours_that_are_named_and_refuses_others(settings) -> None:
    settings.DEPLOYER.data_dir.mkdir(parents=True)
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"flavours": ["demo"]})
    starting.prepare()
    starting.prepare()
    assert Flavour.objects.filter(name="demo").count() == 1
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"flavours": ["nobody's"]})
    with pytest.raises(CommandError, match="DEPLOYER_FLAVOURS"):
        starting.prepare()


def test_of_several_that_prepare_at_once_one_does_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOYER_DATA_DIR", str(tmp_path))
    with real.postgres() as database:
        monkeypatch.setenv("DEPLOYER_DATABASE_URL", database)
        command = [sys.executable, "manage.py", "prepare"]
        pipe = subprocess.PIPE
        started = [subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
        told = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0], told
    applied = [output.count("Applying core.0001_initial") for output, _ in told]
    assert sorted(applied) == [0, 1]
