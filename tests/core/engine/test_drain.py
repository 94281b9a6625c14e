"""A runner that is drained takes nothing more, and finishes what it has in hand."""

from __future__ import annotations

import asyncio

import pytest

from core import configuration
from core.engine.runner import Runner
from core.models import Job, Schema, Service
from core.models import Runner as Row
from core.queries import waiting
from core.services import processes, runners
from core.states import JobState
from tests import factories
from tests.core.engine.test_runner import LIVE, ONE, TWO, ask, declare, job, look, until
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)


def drain(name: str, *, ends: bool = False) -> None:
    runners.drain(Row.objects.get(name=name), factories.make_user(), reason="a new disk", ends=ends)


async def test_it_finishes_what_it_has_and_takes_jobs_again_when_that_is_undone(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, asked = [], runners.is_drained
    monkeypatch.setattr(runners, "is_drained", lambda name: rounds.append(asked(name)) or rounds[-1])
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    await ask(declare)
    dummy.source.push("acme/shop", LIVE, ONE)
    dummy.builder.latches[ONE].shut()
    await ask(look)
    await until(lambda: job(state=JobState.RUNNING))
    await ask(lambda: drain(runner.name))
    await until(lambda: (True, False) in rounds)
    dummy.builder.latches[ONE].open()
    await until(lambda: job(state=JobState.SUCCEEDED, kind="build"))
    dummy.source.push("acme/shop", "refs/heads/topic", TWO)
    await ask(look)
    so_far = len(rounds)
    await until(lambda: len(rounds) > so_far + 2)
    assert await ask(lambda: Job.objects.queued().count()) == 0, "what follows is nobody's to evaluate"
    row = await ask(lambda: runners.undrain(Row.objects.get(name=runner.name), factories.make_user()))
    assert row.drain_at is None
    await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    runner.stop()
    await task


async def test_one_that_is_to_end_does_so_when_its_hands_are_empty(dummy: Dummy) -> None:
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    await until(lambda: Row.objects.filter(name=runner.name).exists())
    await ask(lambda: drain(runner.name, ends=True))
    await asyncio.wait_for(task, 20)
    assert not await ask(Row.objects.exists)
    assert not runner.failure


async def test_one_that_is_too_old_for_the_tables_stops_and_says_so(dummy: Dummy, settings: object) -> None:
    current = configuration.current().model_copy(update={"lease_seconds": 0.4})
    runner = Runner(current)
    task = asyncio.create_task(runner.run())
    await until(lambda: Row.objects.filter(name=runner.name).exists())
    await ask(lambda: Schema.objects.create(minimum=9999, because="a column is gone"))
    await asyncio.wait_for(task, 20)
    assert "too old for the database" in runner.failure
    assert "has to know 9999 (a column is gone)" in runner.failure
    with pytest.raises(processes.ConfigurationError, match="Start a newer version"):
        await ask(processes.fits)


def test_a_job_says_that_all_runners_are_drained() -> None:
    row = factories.make_job()
    factories.make_runner("r", drain_at=processes.now(), drain_by="ann")
    assert "the one that is alive is being drained" in waiting.reasons([row], processes.now())[row.pk]
