"""Signs of life of processes: they come, stay, leave in order, or are missed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core import configuration, followers
from core.engine import recovery
from core.models import Process, Runner, Schema
from core.services import processes, runners
from core.services.processes import Presence
from core.states import JobState, ProcessKind
from core.vitals import LoopDelay, boot_of, memory
from tests import factories

LEASE = timedelta(seconds=30)


@pytest.fixture
def signs(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Wait for the next sign of any presence."""
    given = threading.Semaphore(0)
    attempt = Presence._attempt

    def attempted(self: Presence, what: Callable[[], None]) -> None:
        attempt(self, what)
        connection.close()
        given.release()

    monkeypatch.setattr(Presence, "_attempt", attempted)
    return lambda: given.acquire(timeout=20) or pytest.fail("no sign was given")


def presence(**more: Any) -> Presence:
    current = configuration.current().model_copy(update={"lease_seconds": 0.2})
    return Presence(ProcessKind.WEB, current, **more)


@pytest.mark.django_db(transaction=True)
def test_a_process_is_there_from_its_first_sign_until_it_leaves(signs: Callable[[], None]) -> None:
    here = presence(tells=lambda: {"followers": 3})
    here.start()
    signs()
    row = Process.objects.get()
    assert (row.kind, row.told["followers"]) == ("web", 3)
    # SQLite has no clock of its own.
    assert isinstance(row.told["clock"], type(None) if connection.vendor == "sqlite" else float)
    assert row.told["memory"] > 1 << 20
    assert row.boot == boot_of(row.process) != ""
    # Somebody took it for gone.
    Process.objects.all().delete()
    signs()
    signs()
    assert Process.objects.get().name == here.name
    here.stop()
    assert not Process.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_process_that_is_too_old_for_the_tables_is_told_to_end(signs: Callable[[], None]) -> None:
    Schema.objects.create(minimum=9999)
    ended = threading.Event()
    here = presence(unfit=ended.set)
    here.start()
    assert ended.wait(20)
    here.stop()
    assert not Process.objects.exists()


@pytest.mark.django_db
def test_a_process_that_ended_without_a_word_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(processes.socket, "gethostname", lambda: "here")
    factories.make_process(process=2**31 - 1, name="killed")
    factories.make_process(host="far", process=2**31 - 1, name="elsewhere")
    processes.miss_here()
    assert [row.name for row in Process.objects.exclude(gone_at=None)] == ["killed"]
    processes.forget_gone(Process, now + LEASE + timedelta(minutes=59), LEASE)
    assert Process.objects.count() == 2
    processes.forget_gone(Process, now + LEASE + timedelta(minutes=61), LEASE)
    assert not Process.objects.exists()


@pytest.mark.django_db
def test_a_runner_that_ended_without_a_word_loses_its_jobs_at_once_and_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = timezone.now()
    monkeypatch.setattr(recovery, "host", lambda: "here")
    factories.make_runner("killed", process=2**31 - 1)
    job = factories.make_job(state=JobState.RUNNING, runner="killed", lease_until=now + LEASE)
    assert recovery.take_up(configuration.current(), now) == 1
    job.refresh_from_db()
    assert job.state == JobState.QUEUED
    assert Runner.objects.get().gone_at == now
    assert runners.alive(now, LEASE) == 0
    assert recovery.take_up(configuration.current(), now + timedelta(seconds=1)) == 0
    # It was not gone after all: only its number could not be seen.
    assert runners.renew("killed", now, LEASE, [], {"memory": 1})
    assert runners.alive(now, LEASE) == 1


async def test_websockets_are_counted_while_they_are_open() -> None:
    seen = []

    async def page(*_: Any) -> None:
        seen.append(followers.count())
        raise OSError("it went away")

    with pytest.raises(OSError, match="went away"):
        await followers.counted(page)({}, None, None)
    assert (seen, followers.count()) == ([1], 0)


def test_what_a_process_tells_of_itself_is_cheap_to_find_out() -> None:
    assert memory() > 1 << 20
    delay = LoopDelay()
    delay._worst = 0.25
    assert (delay.take(), delay.take()) == (0.25, 0.0)
