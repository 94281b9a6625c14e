"""The runner at work on its event loop, with plugins that do as a test tells them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import OperationalError
from django.utils import timezone

from core import configuration
from core.engine import attempts, facts
from core.engine.runner import Runner
from core.errors import OperationError, Stalled, Waiting
from core.logs.store import LogStore
from core.models import Input, Job, Message, Repository, Service
from core.pipeline import declaration
from core.pipeline.declaration import FromInput, Use
from core.queries import pools
from core.services import declarations, heads, jobs, runners
from core.states import Health, JobKind, JobState
from core.values import Pool, PoolWorker
from core.versions import VERSION
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = "1" * 40, "2" * 40
LIVE = "refs/heads/live"


def declare(*, timeout: int = 60, inputs: bool = False, names: tuple[str, ...] = ("shop",)) -> None:
    services = [declaration.Service(name, Use("dummy")) for name in names]
    target = declaration.Target("live", "acme/shop:live", services)
    args = {"OPAM": FromInput("opam")} if inputs else {}
    recipe = declaration.Recipe("web", Use("dummy"), targets=[target], timeout=timeout, args=args)
    flavour = declaration.Flavour(
        "acme",
        [declaration.Repository("acme/shop", Use("dummy"), [recipe])],
        inputs=[declaration.Input("opam", Use("dummy", name="opam"))] if inputs else [],
        notifiers=[Use("dummy", channel="#ops")],
        base_url="https://deploy.example.org",
    )
    declarations.apply(flavour, "tests")


@sync_to_async
def ask(question: Callable[[], Any]) -> Any:
    return question()


async def until(question: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Wait until the database says so."""
    for _ in range(int(seconds / 0.02)):
        if answer := await ask(question):
            return answer
        await asyncio.sleep(0.02)
    rows = await ask(lambda: list(Job.objects.values_list("title", "state", "reason")))
    raise AssertionError(f"it did not come true: {rows}")


def job(**filters: Any) -> Job | None:
    return Job.objects.filter(**filters).order_by("-pk").first()


def text_of(row: Job) -> str:
    store = LogStore(configuration.current().logs_dir)
    return store.read(row.log, 0, 1 << 20).decode()


def look() -> None:
    heads.ask(Repository.objects.all(), timezone.now())


@pytest.fixture
async def runner(dummy: Dummy) -> AsyncIterator[Runner]:
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    yield runner
    runner.stop()
    await task


async def test_a_push_goes_live(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    service = await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    assert dummy.deployer.running == {"shop": service.observed_digest}
    states = await ask(lambda: list(Job.objects.order_by("pk").values_list("kind", "state")))
    assert states == [("build", "succeeded"), ("release", "succeeded"), ("deployment", "succeeded")]
    seen = await until(lambda: Service.objects.filter(observed_health=Health.HEALTHY).first())
    assert not await ask(lambda: seen.drift)


async def test_a_plugin_that_raises_fails_its_job_with_a_traceback_and_nothing_else(
    dummy: Dummy, runner: Runner
) -> None:
    await ask(declare)
    dummy.builder.errors[ONE] = ZeroDivisionError("a plugin's own fault")
    dummy.source.push("acme/shop", "refs/heads/topic", ONE)
    dummy.source.push("acme/shop", LIVE, TWO)
    await ask(look)
    failed = await until(lambda: job(state=JobState.FAILED))
    assert failed.reason == "ZeroDivisionError: a plugin's own fault"
    assert "Traceback (most recent call last)" in text_of(failed)
    await until(lambda: Service.objects.filter(current__commit__hash=TWO).first())


async def test_what_will_not_pass_is_not_tried_again(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.errors[ONE] = Stalled("make exited with status 2")
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    failed = await until(lambda: job(state=JobState.FAILED))
    assert (failed.reason, failed.attempts) == ("make exited with status 2", 0)
    assert text_of(failed).splitlines()[-1].endswith("failed: make exited with status 2")


async def test_what_may_pass_is_tried_again_later_and_given_up_in_the_end(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.errors[ONE] = OperationError("the registry does not answer")
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    for attempt in range(1, 5):
        put_back = await until(lambda attempt=attempt: job(state=JobState.QUEUED, attempts=attempt))
        assert put_back.reason == "the registry does not answer"
        assert put_back.not_before > timezone.now()
        await ask(lambda: Job.objects.update(not_before=timezone.now()))
    failed = await until(lambda: job(state=JobState.FAILED))
    assert failed.reason == "given up after 5 attempts: the registry does not answer"
    assert text_of(failed).count("Building web") == 5, "one log tells of all attempts"


async def test_waiting_is_no_attempt(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.errors[ONE] = Waiting("the queue is full", retry_in=60)
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    waiting = await until(lambda: job(state=JobState.QUEUED, reason="the queue is full"))
    assert waiting.attempts == 0
    assert timedelta(seconds=50) < waiting.not_before - timezone.now() < timedelta(seconds=61)


async def test_a_person_cancels_what_runs(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    person = await ask(lambda: User.objects.create_user("ann"))
    dummy.builder.latches[ONE].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: dummy.builder.latches[ONE].waiting)
    running = await ask(lambda: job(state=JobState.RUNNING))
    await ask(lambda: jobs.cancel(running, person, reason="wrong branch"))
    cancelled = await until(lambda: job(state=JobState.CANCELLED))
    assert (cancelled.reason, cancelled.cancelled_by_person) == ("wrong branch", True)
    assert dummy.builder.at_once.now.total() == 0
    await asyncio.sleep(0)
    assert await ask(Job.objects.count) == 1, "what a person cancelled is not started again"


async def test_a_newer_push_ends_the_build_of_the_older_one(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.builder.latches[ONE].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: dummy.builder.latches[ONE].waiting)
    dummy.source.push("acme/shop", LIVE, TWO)
    await ask(look)
    await until(lambda: Service.objects.filter(current__commit__hash=TWO).first())
    assert (await ask(lambda: job(state=JobState.CANCELLED))).commit_id


async def test_a_build_that_takes_too_long_is_ended_and_says_what_to_change(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(timeout=1))
    dummy.builder.latches[ONE].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    failed = await until(lambda: job(state=JobState.FAILED))
    assert failed.reason == (
        "it was ended after 0.01667 minutes; to allow more, raise `timeout` of recipe 'web' of acme/shop"
    )


async def test_what_a_job_waits_for_is_told_and_does_not_count_against_its_time(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(timeout=1))
    dummy.builder.latches[ONE].shut()
    dummy.builder.waits[ONE] = "Waits for a worker of pool arm."
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    waiting = await until(lambda: job(state=JobState.RUNNING, reason="Waits for a worker of pool arm."))
    await asyncio.sleep(1.2)  # longer than it may take
    dummy.builder.latches[ONE].open()
    await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    assert not (await ask(lambda: Job.objects.get(pk=waiting.pk))).reason


async def test_the_time_goes_on_once_it_waits_no_more(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(timeout=1))
    dummy.builder.latches[f"work {ONE}"].shut()
    dummy.builder.waits[ONE] = "Waits for a worker of pool arm."
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    failed = await until(lambda: job(state=JobState.FAILED))
    assert failed.reason.startswith("it was ended after 0.01667 minutes")


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "POOLS_INTERVAL", 0.05)


async def test_builders_tell_of_their_machines(often: None, dummy: Dummy, runner: Runner) -> None:
    worker = PoolWorker(name="oak", state="active", running=2)
    dummy.builder.machines = [Pool(name="arm", capacity=4, running=2, queued=1, workers=(worker,))]
    told = await until(lambda: next(iter(pools.told()), None))
    assert (told.builder, told.pools, told.error) == ("dummy", tuple(dummy.builder.machines), "")
    dummy.builder.machines = Waiting("the scheduler is away", retry_in=1)
    told = await until(lambda: next((each for each in pools.told() if each.error), None))
    assert (told.error, told.pools[0].name) == ("the scheduler is away", "arm")


async def test_a_failed_deployment_tells_what_runs_and_people_hear_of_it(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.deployer.running["shop"] = "sha256:old"
    dummy.deployer.errors["shop"] = "it is not healthy: 500"
    dummy.notifier.errors.append(OperationError("chat is down"))
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    service = await until(lambda: Service.objects.filter(status="failed").first())
    assert (service.reason, service.observed_digest, service.current_id) == (
        "it is not healthy: 500",
        "sha256:old",
        None,
    )
    failed = await until(lambda: Message.objects.filter(recipient="notifier", failures=1).first())
    assert failed.error == "chat is down"
    await ask(lambda: Message.objects.update(next_attempt_at=timezone.now()))
    await until(lambda: dummy.notifier.said)
    ((channel, news),) = dummy.notifier.said
    assert channel == "#ops"
    assert news.text == "Deploy 1111111111 as shop: failed. it is not healthy: 500"
    assert news.url.startswith("https://deploy.example.org/jobs/")


async def test_the_source_hears_in_the_end_what_became_of_a_commit(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    dummy.source.push("acme/shop", "refs/heads/topic", ONE)
    await ask(look)
    await until(lambda: dummy.source.reports[-1:] and dummy.source.reports[-1][2].state == "success")
    name, commit, status = dummy.source.reports[-1]
    assert (name, commit, status.context, status.title) == ("acme/shop", ONE, "deployability", "It can be deployed")


async def test_builds_wait_for_their_inputs_and_a_release_follows_them(dummy: Dummy, runner: Runner) -> None:
    await ask(lambda: declare(inputs=True))
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: Service.objects.filter(status="blocked", reason__contains="input opam").exists())
    dummy.input.values["opam"] = "a"
    await until(
        lambda: not Job.objects.filter(kind=JobKind.INPUT).update(not_before=timezone.now()) or dummy.input.reads
    )
    await until(lambda: Service.objects.filter(current__isnull=False).first())
    assert [request.args for request in dummy.builder.requests] == [{"OPAM": "a"}]
    first = dict(dummy.deployer.running)
    dummy.input.values["opam"] = "b"
    await ask(lambda: Input.objects.update(next_read_at=timezone.now()))
    await until(lambda: dummy.deployer.running != first)
    assert [request.args for request in dummy.builder.requests] == [{"OPAM": "a"}, {"OPAM": "b"}]


async def test_a_source_that_does_not_answer_is_said_and_asked_again(dummy: Dummy, runner: Runner) -> None:
    class Lasting(dict[str, Exception]):
        """Errors that each look meets: a second one may be due already."""

        def pop(self, key: str, *_: Any) -> Exception:
            return self[key]

    await ask(declare)
    dummy.source.errors = Lasting({"acme/shop": OperationError("no route to host")})
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: Repository.objects.filter(look_error="no route to host").first())
    dummy.source.errors = {}
    await ask(look)
    await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    assert (await ask(Repository.objects.get)).look_error == ""


async def test_stopping_puts_builds_back_and_lets_a_deployment_end(dummy: Dummy) -> None:
    await ask(lambda: declare(names=("shop", "stock")))
    first = Runner(configuration.current())
    task = asyncio.create_task(first.run())
    dummy.deployer.latches["shop"].shut()
    dummy.builder.latches[TWO].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    dummy.source.push("acme/shop", "refs/heads/topic", TWO)
    await ask(look)
    await until(lambda: dummy.deployer.latches["shop"].waiting and dummy.builder.latches[TWO].waiting)
    first.stop()
    await until(lambda: not dummy.builder.latches[TWO].waiting)
    dummy.deployer.latches["shop"].open()
    await task
    assert "shop" in dummy.deployer.running
    assert (await ask(lambda: job(kind=JobKind.DEPLOYMENT, title__startswith="shop:"))).state == JobState.SUCCEEDED
    assert (await ask(lambda: job(build__commit__hash=TWO))).state == JobState.QUEUED


async def test_stopped_in_the_middle_of_a_round_it_begins_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put back because it is stopped is not for the rest of that round."""

    def ready() -> None:
        repository = shop.declare()
        shop.look(repository, live="c1")
        shop.settle(repository)

    await ask(ready)
    first = Runner(configuration.current())
    # The first step of a round.
    monkeypatch.setattr(heads, "claim", lambda *_, **__: first.stop() or [])
    await asyncio.wait_for(first.run(), 20)
    build = await ask(Job.objects.get)
    assert (build.state, build.started_at) == (JobState.QUEUED, None)


async def test_what_another_runner_began_is_taken_up_and_says_so(dummy: Dummy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "GRACE", 0)
    await ask(declare)
    first, second = Runner(configuration.current()), Runner(configuration.current())
    task = asyncio.create_task(first.run())
    dummy.deployer.latches["shop"].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: dummy.deployer.latches["shop"].waiting)
    first.stop()
    await task
    dummy.deployer.latches["shop"].open()
    task = asyncio.create_task(second.run())
    done = await until(lambda: job(kind=JobKind.DEPLOYMENT, state=JobState.SUCCEEDED))
    second.stop()
    await task
    said, why = text_of(done), "Its runner was stopped while it ran this"
    assert f"taken up by runner {second.name} (deployer {VERSION}): {why}" in said
    assert said.index("cancelled") < said.index("taken up by") < said.index("succeeded"), "one log goes on"
    assert [(each.attempt, each.queued_at) for each in dummy.deployer.contexts] == [
        (1, done.created_at),
        (2, done.created_at),
    ]


async def test_a_job_whose_plugin_is_missing_fails_and_says_so(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)
    await ask(lambda: Repository.objects.get().recipes.update(builder="gone"))
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    failed = await until(lambda: job(state=JobState.FAILED))
    assert failed.reason.startswith("no plugin offers 'gone' among the builders; there are: ")


async def test_what_is_in_hand_ends_before_its_lease_does_even_if_the_database_says_nothing(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(declare)
    runner = Runner(configuration.current().model_copy(update={"lease_seconds": 2.0}))
    task = asyncio.create_task(runner.run())
    dummy.deployer.latches["shop"].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: dummy.deployer.latches["shop"].waiting)
    silence = threading.Event()
    # Not an error, which would be noticed at once: a network that swallows everything.
    monkeypatch.setattr(runners, "renew", lambda *_: silence.wait())
    try:
        async with asyncio.timeout(60):
            while dummy.deployer.latches["shop"].waiting:
                await asyncio.sleep(0.02)
    finally:
        silence.set()
    monkeypatch.undo()
    dummy.deployer.latches["shop"].open()
    await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    assert dummy.deployer.at_once.most["shop"] == 1
    runner.stop()
    await task


async def test_a_runner_that_lost_a_job_does_not_take_it_up_before_it_has_let_go_of_it(
    dummy: Dummy, runner: Runner
) -> None:
    await ask(declare)
    dummy.deployer.latches["shop"].shut()
    dummy.source.push("acme/shop", LIVE, ONE)
    await ask(look)
    await until(lambda: dummy.deployer.latches["shop"].waiting)
    lost = await ask(lambda: job(kind=JobKind.DEPLOYMENT))
    assert lost
    # As another runner would write it that found the lease at its end.
    assert await ask(lambda: jobs.take_back([lost.runner], timezone.now())) == 1
    # Whatever this one takes up before it has noticed would run beside what it has in hand.
    await until(lambda: Job.objects.filter(pk=lost.pk, state=JobState.QUEUED).first())
    dummy.deployer.latches["shop"].open()
    await until(lambda: Service.objects.filter(current__commit__hash=ONE).first())
    assert dummy.deployer.at_once.most["shop"] == 1


async def test_a_stop_that_comes_while_an_end_is_written_down_does_not_lose_the_end(
    dummy: Dummy, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(declare)
    runner, asked, finish = Runner(configuration.current()), threading.Event(), jobs.finish

    def busy(*words: Any, **more: Any) -> bool:
        asked.set()
        if not runner._stopping:
            raise OperationalError("the database is away")
        return finish(*words, **more)

    monkeypatch.setattr(jobs, "finish", busy)
    dummy.source.push("acme/shop", "refs/heads/topic", ONE)
    await ask(look)
    task = asyncio.create_task(runner.run())
    await until(asked.is_set)
    runner.stop()
    await task
    assert (await ask(job)).state == JobState.SUCCEEDED


async def test_a_cancel_that_comes_while_an_end_is_written_down_does_not_lose_the_end(
    dummy: Dummy, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ask(declare)
    away, asked = True, threading.Event()
    finish = jobs.finish

    def busy(*words: Any, **more: Any) -> bool:
        asked.set()
        if away:
            raise OperationalError("the database is away")
        return finish(*words, **more)

    monkeypatch.setattr(jobs, "finish", busy)
    dummy.source.push("acme/shop", "refs/heads/topic", ONE)
    await ask(look)
    await until(asked.is_set)
    row = await ask(job)
    assert row
    person = await ask(lambda: User.objects.create_user("ann"))
    await ask(lambda: jobs.cancel(row, person, reason="no"))
    await until(lambda: jobs.in_hand(row.runner).get(row.pk) == "no")
    heard = runner._attempts.cancel

    def hear(job: int, reason: str) -> None:
        heard(job, reason)
        nonlocal away
        away = False

    monkeypatch.setattr(runner._attempts, "cancel", hear)
    ended = await until(lambda: job(state=JobState.SUCCEEDED))
    assert ended.pk == row.pk


async def test_a_look_at_a_service_wakes_it_only_where_others_wait_for_its_place(dummy: Dummy) -> None:
    async def nothing() -> None: ...

    async def after(kind: str, count: int) -> bool:
        idle._wake.clear()
        for _ in range(count):
            idle._aside(kind, nothing())
        while idle._side:
            await asyncio.sleep(0)
        return idle._wake.is_set()

    idle = Runner(configuration.current())
    assert not await after("service", 19)
    assert await after("service", 20)
    assert await after("message", 1)
