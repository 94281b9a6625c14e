"""A runner that watches what it has moved, leaves alone what was not well, and puts right what has drifted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core import configuration
from core.engine import health
from core.engine.runner import Runner
from core.models import Activity, Deployment, Job, Message, Service
from core.pipeline import declaration
from core.pipeline.declaration import HealthCheck, Use
from core.services import declarations, holds, requests, unhealthy
from core.states import Health, JobKind, JobState
from tests.core.engine.test_runner import LIVE, ONE, TWO, ask, job, look, text_of, until
from tests.core.engine.test_uri_checks import Server, answer, server
from tests.dummy_plugin.hooks import Dummy

__all__ = ["server"]

pytestmark = pytest.mark.django_db(transaction=True)


def declare(**options: Any) -> None:
    service = declaration.Service("shop", Use("dummy"), **options)
    target = declaration.Target("live", "acme/shop:live", [service])
    recipe = declaration.Recipe("web", Use("dummy"), targets=[target])
    repository = declaration.Repository("acme/shop", Use("dummy"), [recipe])
    declarations.apply(declaration.Flavour("acme", [repository], notifiers=[Use("dummy", channel="#ops")]), "tests")


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


async def comes_to(status: str, *, commit: str) -> Service:
    """Wait until the service is in a state, and runs a commit."""
    rows = Service.objects.filter(status=status, current__commit__hash=commit)
    found: Service = await until(lambda: not Job.objects.active().exists() and rows.first())
    return found


def see() -> None:
    """Have every service looked at now."""
    Service.objects.update(next_observe_at=timezone.now())


def deployments() -> list[tuple[str, str, str]]:
    rows = Deployment.objects.order_by("pk").values_list("release__commit__hash", "drift", "job__state")
    return [(commit[:1], drift, state) for commit, drift, state in rows]


def ann() -> User:
    return User.objects.get_or_create(username="ann")[0]


# Health after the move


async def test_what_is_not_well_from_outside_is_taken_back_and_not_tried_again_before_somebody_asks(
    dummy: Dummy, runner: Runner, server: Server
) -> None:
    server.answers["/up"] = answer(200)
    check = HealthCheck(path="/up", interval=1, grace=1)
    await ask(lambda: declare(uri=server.url, check=check))
    await push(dummy, ONE)
    good = await comes_to("done", commit=ONE)
    server.answers["/up"] = answer(503)
    await push(dummy, TWO)
    failed = await comes_to("failed", commit=ONE)
    assert failed.reason == (
        f"after its move it was not well: {server.url}/up answers 503, not 200, and it was taken back to what it ran before"
    )
    assert dummy.deployer.running["shop"] == good.current_digest
    server.answers["/up"] = answer(200)
    mark = await ask(lambda: unhealthy.marks().get())
    assert mark.unhealthy == failed.reason
    # Published again, it is the same image: that is no reason.
    published = await ask(lambda: job(kind=JobKind.RELEASE))
    again = await ask(lambda: requests.again(published, ann()))
    await until(lambda: Job.objects.filter(pk=again.pk, state=JobState.SUCCEEDED).exists())
    still = await comes_to("failed", commit=ONE)
    assert still.reason.startswith(f"it did not stay healthy with this image (deployment {mark.pk})")
    # Who asks is told of what was, and gets it.
    await ask(lambda: requests.redeploy(still, ann(), reason="the database is back"))
    await comes_to("done", commit=TWO)
    lifted = await ask(lambda: Deployment.objects.select_related("lifted_by").get(pk=mark.pk))
    assert lifted.lifted_by.get_username() == "ann"
    recorded = await ask(lambda: list(Activity.objects.filter(user__username="ann").values_list("verb", flat=True)))
    assert "lifted the mark of" in recorded
    assert (await ask(deployments))[-1] == ("2", "", "succeeded")


async def test_a_service_of_its_own_soaks_and_the_first_one_ever_is_left_where_it_is(
    dummy: Dummy, runner: Runner
) -> None:
    dummy.deployer.health["shop"] = Health.UNHEALTHY
    await ask(lambda: declare(soak=1))
    await push(dummy, ONE)
    failed = await until(lambda: Service.objects.filter(status="failed").first())
    assert failed.reason == (
        "while it soaked, it was unhealthy; there is no earlier release to take it back to, so it is left as it is"
    )
    assert len(dummy.deployer.moves) == 1
    dummy.deployer.health.clear()
    await push(dummy, TWO)
    await comes_to("done", commit=TWO)
    told = await ask(lambda: text_of(job(kind=JobKind.DEPLOYMENT)))
    assert "soaking for 1 s\n" in told
    assert "soaked for 1 s: healthy" in told


async def test_killed_while_it_takes_back_only_the_taking_back_is_done_again(dummy: Dummy) -> None:
    """What was found is on record before anything is done about it."""
    await ask(lambda: declare(soak=600))
    first = Runner(configuration.current())
    task = asyncio.create_task(first.run())
    await push(dummy, ONE)
    await until(lambda: job(kind=JobKind.DEPLOYMENT, state=JobState.RUNNING))
    row = await ask(Deployment.objects.get)
    previous = await ask(lambda: row.release)
    first.stop()
    await task
    await ask(lambda: unhealthy.mark(row.pk, "while it soaked, it was unhealthy"))
    before = "sha256:" + "b" * 64
    await ask(lambda: Deployment.objects.update(previous=previous, previous_digest=before))
    await ask(lambda: Job.objects.update(not_before=timezone.now()))
    second = Runner(configuration.current())
    task = asyncio.create_task(second.run())
    failed = await until(lambda: job(kind=JobKind.DEPLOYMENT, state=JobState.FAILED))
    second.stop()
    await task
    assert failed.reason == "while it soaked, it was unhealthy, and it was taken back to what it ran before"
    assert [request.release.digest for request in dummy.deployer.requests][-1] == before
    assert len(dummy.deployer.requests) == 2, "it was not moved forward once more"


def test_a_rollback_is_not_watched(dummy: Dummy) -> None:
    declare(soak=600)
    service = Service.objects.get()
    assert not health.care_of(Deployment(pk=1, service=service, rollback=True)).watches
    assert health.care_of(Deployment(pk=1, service=service)).seconds == 600


# Drift


async def test_drift_is_healed_and_that_is_on_record(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(drift="heal"))
    await push(dummy, ONE)
    right = await comes_to("done", commit=ONE)
    dummy.deployer.running["shop"] = "sha256:" + "f" * 64
    await ask(see)
    await until(lambda: Deployment.objects.filter(job__state=JobState.SUCCEEDED).exclude(drift="").first())
    healed = await comes_to("done", commit=ONE)
    assert dummy.deployer.running["shop"] == right.current_digest
    assert dummy.deployer.requests[-1].repair
    words = "it runs ffffffffffff, another image than its latest deployment"
    assert await ask(deployments) == [("1", "", "succeeded"), ("1", words, "succeeded")]
    assert healed.current_since == right.current_since, "it runs what it ran"
    assert not await ask(lambda: Message.objects.filter(key__contains="drift").exists()), "nobody is asked"


async def test_what_is_changed_again_and_again_is_left_after_three_times_and_that_is_told(
    dummy: Dummy, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.pipeline.drift.PAUSES", (timedelta(0),))
    await ask(lambda: declare(drift="heal"))
    await push(dummy, ONE)
    await comes_to("done", commit=ONE)
    done = Deployment.objects.filter(job__state=JobState.SUCCEEDED).exclude(drift="")
    for number in range(1, 5):
        dummy.deployer.drift["shop"] = "scaled from 1 to 2"
        await ask(see)
        if number < 4:
            await until(lambda wanted=number: done.count() == wanted and not Job.objects.active().exists())
    told = await until(lambda: Message.objects.filter(key__contains="-drift-").first())
    assert "It was put right 3 times within an hour and drifted again" in told.payload["news"]["text"]
    row = await ask(Service.objects.get)
    await ask(lambda: requests.put_right(row, ann(), reason="it was a script, it is gone"))
    await until(lambda: Deployment.objects.filter(asked_by__username="ann", job__state=JobState.SUCCEEDED).exists())
    assert "shop" not in dummy.deployer.drift
    dummy.deployer.drift["shop"] = "scaled from 1 to 2"
    await ask(see)
    await until(lambda: "shop" not in dummy.deployer.drift)


async def test_a_lock_keeps_drift_as_it_is_and_is_named(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(drift="heal"))
    await push(dummy, ONE)
    row = await comes_to("done", commit=ONE)
    hold = await ask(lambda: holds.lock(row, ann(), reason="a sale"))
    dummy.deployer.drift["shop"] = "scaled from 1 to 2"
    await ask(see)
    told = await until(lambda: Message.objects.filter(key__contains="-drift-").first())
    assert told.payload["news"]["reason"] == "It is put right once that is lifted: Locked by ann: a sale"
    assert len(await ask(deployments)) == 1
    await ask(lambda: holds.lift(hold, ann()))
    await ask(see)
    await until(lambda: "shop" not in dummy.deployer.drift)


async def test_off_is_shown_and_told_to_nobody(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(drift="off"))
    await push(dummy, ONE)
    await comes_to("done", commit=ONE)
    dummy.deployer.drift["shop"] = "scaled from 1 to 2"
    await ask(see)
    seen = await until(lambda: Service.objects.exclude(observed_drift="").first())
    assert await ask(lambda: Service.objects.get(pk=seen.pk).drift) == ""
    assert not await ask(lambda: Message.objects.filter(key__contains="-drift-").exists())
