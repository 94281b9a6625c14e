"""A runner at work on several services of one target, with plugins that do as a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.utils import timezone

from core import configuration
from core.engine.runner import Runner
from core.models import Job, Service
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.services import declarations
from core.states import Health, JobKind, JobState
from tests.core.engine.test_runner import LIVE, ONE, TWO, ask, job, look, text_of, until
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("shop-1", "shop-2", "shop-3")


def declare(rollout: str, soak: int = 0) -> None:
    services = [declaration.Service(name, Use("dummy")) for name in NAMES]
    target = declaration.Target("live", "acme/shop:live", services, rollout=rollout, soak=soak)
    recipe = declaration.Recipe("web", Use("dummy"), targets=[target])
    flavour = declaration.Flavour("acme", [declaration.Repository("acme/shop", Use("dummy"), [recipe])])
    declarations.apply(flavour, "tests")


@pytest.fixture
async def runner(dummy: Dummy) -> AsyncIterator[Runner]:
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    yield runner
    runner.stop()
    await task


async def push(dummy: Dummy, commit: str) -> None:
    dummy.source.push("acme/shop", LIVE, commit)
    await ask(look)


async def come_to_rest(*wanted: str) -> None:
    await until(
        lambda: (
            [each.status for each in Service.objects.order_by("name")] == list(wanted)
            and not Job.objects.active().exists()
        )
    )


def moved(dummy: Dummy) -> list[str]:
    return [name for name, _ in dummy.deployer.moves]


async def test_in_order_stops_at_a_failure(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare("in-order"))
    dummy.deployer.errors["shop-2"] = "it is not healthy: 500"
    await push(dummy, ONE)
    await come_to_rest("done", "failed", "blocked")
    assert moved(dummy) == ["shop-1"]
    assert [request.service.name for request in dummy.deployer.requests] == ["shop-1", "shop-2"]


async def test_a_canary_goes_first_and_the_rest_follows_once_it_has_soaked(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare("canary", soak=1))
    await push(dummy, ONE)
    await come_to_rest("done", "done", "done")
    assert moved(dummy)[0] == "shop-1"
    assert sorted(moved(dummy)) == list(NAMES)
    canary = await ask(lambda: job(title__startswith="shop-1:"))
    others = await ask(lambda: list(Job.objects.filter(title__regex="shop-[23]:")))
    assert "soaked for 1 s: healthy" in text_of(canary)
    assert min(other.created_at for other in others) >= canary.finished_at
    assert not any("soak" in text_of(other) for other in others)


async def test_a_canary_that_is_unhealthy_while_it_soaks_is_taken_back_and_the_rest_stays(
    dummy: Dummy, runner: Runner
) -> None:
    await ask(lambda: declare("canary", soak=1))
    await push(dummy, ONE)
    await come_to_rest("done", "done", "done")
    before = dict(dummy.deployer.running)
    dummy.deployer.health["shop-1"] = Health.UNHEALTHY
    await push(dummy, TWO)
    await come_to_rest("failed", "blocked", "blocked")
    assert dummy.deployer.running == before
    canary = await ask(lambda: Service.objects.select_related("current").get(name="shop-1"))
    assert canary.reason == (
        "while it soaked, it was unhealthy; the others were not moved, and it was taken back to what it ran before"
    )
    assert (canary.observed_digest, canary.current_digest) == (before["shop-1"], before["shop-1"])
    rest = await ask(lambda: Service.objects.get(name="shop-2"))
    assert rest.reason.startswith("the canary shop-1 failed: the others stay where they are")


async def test_while_a_canary_soaks_its_service_says_that_it_is_being_moved(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare("canary", soak=600))
    await push(dummy, ONE)
    soaking = await until(lambda: job(kind=JobKind.DEPLOYMENT, state=JobState.RUNNING))
    await until(lambda: "soaking: healthy" in text_of(soaking))
    await until(lambda: Service.objects.filter(name="shop-1", status="running").exists())
    await until(lambda: Service.objects.filter(reason="waits for the canary shop-1: it moves first").count() == 2)


async def test_a_soak_that_is_broken_off_begins_anew_with_the_next_runner(dummy: Dummy) -> None:
    await ask(lambda: declare("canary", soak=600))
    first = Runner(configuration.current())
    task = asyncio.create_task(first.run())
    await push(dummy, ONE)
    soaking = await until(lambda: job(kind=JobKind.DEPLOYMENT, state=JobState.RUNNING))
    await until(lambda: "soaking: healthy" in text_of(soaking))
    first.stop()
    await task
    put_back = await ask(lambda: job(pk=soaking.pk))
    assert (put_back.state, put_back.attempts) == (JobState.QUEUED, 0)
    await _end_with_a_short_soak(dummy)
    assert text_of(soaking).count("soaking for") == 2
    assert moved(dummy).count("shop-1") == 1, "it was moved already"


async def _end_with_a_short_soak(dummy: Dummy) -> None:
    def shorten() -> Any:
        declare("canary", soak=1)
        Job.objects.update(not_before=timezone.now())

    await ask(shorten)
    second = Runner(configuration.current())
    task = asyncio.create_task(second.run())
    try:
        await come_to_rest("done", "done", "done")
    finally:
        second.stop()
        await task
