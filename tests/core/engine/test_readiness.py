"""What `/readyz` says when something is missing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone
from django_q.models import Schedule

from core import configuration
from core.engine import readiness, schedules
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _all_is_well() -> None:
    factories.make_runner()
    schedules.install()


def answer(client: Any) -> tuple[int, dict[str, str]]:
    """The status, and the sentences of what is not well, by the names of the checks."""
    got = client.get("/readyz")
    told = got.json()
    assert told["ready"] is (got.status_code == 200)
    return got.status_code, {check["name"]: check["sentence"] for check in told["checks"] if not check["ok"]}


def test_it_is_ready_when_all_is_there(client: Any) -> None:
    assert answer(client) == (200, {})
    assert client.get("/healthz").content == b"ok\n"


def test_not_without_a_runner(client: Any) -> None:
    readiness.runners.leave(list(readiness.runners.Runner.objects.values_list("name", flat=True)), timezone.now())
    assert answer(client) == (503, {"runner": "None is alive: start one with `manage.py run_runner`"})


def test_not_while_nobody_can_tell_the_time(client: Any, monkeypatch: Any) -> None:
    """The time is the database's: without one it is told, and not a fault of the page."""

    def gone() -> Any:
        raise OperationalError("the database is gone")

    monkeypatch.setattr(readiness.clock, "now", gone)
    status, wrong = answer(client)
    assert (status, "the database is gone" in wrong["runner"]) == (503, True)


def test_not_where_logs_cannot_be_written(client: Any) -> None:
    directory = configuration.current().logs_dir
    directory.parent.mkdir(parents=True)
    directory.write_text("in the way")
    status, wrong = answer(client)
    assert (status, list(wrong)) == (503, ["logs"])


def test_not_without_the_migrations(client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(readiness, "_applied", False)
    monkeypatch.setattr(readiness.MigrationExecutor, "migration_plan", lambda *_: [object()])
    status, wrong = answer(client)
    assert (status, wrong["migrations"]) == (503, "1 migration is not applied: run `manage.py migrate`")


def test_not_where_messages_do_not_come_through(client: Any, monkeypatch: Any) -> None:
    def gone() -> Any:
        raise ConnectionError("Redis is gone")

    monkeypatch.setattr(readiness.hints, "layer", gone)
    status, wrong = answer(client)
    assert status == 503
    assert "Redis is gone" in wrong["channel layer"]


def test_not_without_the_database(client: Any, monkeypatch: Any) -> None:
    def gone() -> Any:
        raise OperationalError("the connection was refused")

    monkeypatch.setattr(readiness.connection, "cursor", gone)
    status, wrong = answer(client)
    assert status == 503
    assert wrong["database"] == "It does not answer: the connection was refused"


def test_late_schedules_are_told_and_cost_only_punctuality(client: Any) -> None:
    Schedule.objects.filter(name="Poll heads").update(next_run=timezone.now() - timedelta(hours=1))
    assert answer(client) == (200, {"schedules": "Late: Poll heads. Start `manage.py qcluster`"})
