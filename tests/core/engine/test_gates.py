"""Gates before deployments, with a runner at work: what holds one is told, takes up no place, and holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from core import configuration
from core.engine.runner import Runner
from core.gate_values import Hold
from core.logs.store import LogStore
from core.models import Activity, Deployment, Flavour, Job, Message, Repository, Service
from core.pipeline import declaration
from core.pipeline.declaration import Use
from core.queries import waiting
from core.services import approvals, declarations, exceptions, gates, heads
from core.services.news import NEWS
from core.states import JobKind, JobState
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db(transaction=True)

ONE, TWO = "1" * 40, "2" * 40
LIVE = "refs/heads/live"


def declare(*services: declaration.Service, gates: list[Use] | None = None) -> None:
    these = list(services) or [declaration.Service("shop", Use("dummy"), gates=[Use("dummy")])]
    target = declaration.Target("live", "acme/shop:live", these)
    recipe = declaration.Recipe("web", Use("dummy"), targets=[target])
    repository = declaration.Repository("acme/shop", Use("dummy"), [recipe])
    flavour = declaration.Flavour(
        "acme", [repository], notifiers=[Use("dummy")], gates=gates or [], admins=["ann"], builders=["bob"],
        base_url="https://deploy.example.org",
    )  # fmt: skip
    declarations.apply(flavour, "tests")


ask = sync_to_async


async def until(question: Callable[[], Any], *, seconds: float = 60) -> Any:
    """Wait until the database says so."""
    for _ in range(int(seconds / 0.02)):
        if answer := await ask(question)():
            return answer
        await asyncio.sleep(0.02)
    rows = await ask(lambda: list(Job.objects.values_list("title", "state", "reason")))()
    raise AssertionError(f"it did not come true: {rows}")


def held(service: str = "shop") -> Job | None:
    """The deployment of a service that a gate holds."""
    rows = Deployment.objects.filter(service__name=service, job__state=JobState.QUEUED).select_related("job__flavour")
    return next((row.job for row in rows if gates.holds(row)), None)


def reason(job: Job) -> str:
    return waiting.reasons([job], timezone.now())[job.pk]


def live(commit: str, service: str = "shop") -> Callable[[], Any]:
    return lambda: Service.objects.filter(name=service, current__commit__hash=commit).first()


async def push(dummy: Dummy, commit: str = ONE) -> None:
    dummy.source.push("acme/shop", LIVE, commit)
    await ask(lambda: heads.ask(Repository.objects.all(), timezone.now()))()


@pytest.fixture
async def runner(dummy: Dummy) -> AsyncIterator[Runner]:
    runner = Runner(configuration.current())
    task = asyncio.create_task(runner.run())
    yield runner
    runner.stop()
    await task


async def test_a_gate_holds_a_deployment_in_the_queue_and_it_goes_once_that_lifts(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)()
    dummy.gate.holds["shop"] = Hold(
        reason="it is Friday", until=timezone.now() + timedelta(days=2), lifted_by="a prayer"
    )
    await push(dummy)
    job = await until(held)
    assert (job.state, job.started_at, job.reason) == (JobState.QUEUED, None, "Held by gate dummy: it is Friday")
    said = await ask(reason)(job)
    assert said.startswith("Held by gate dummy: it is Friday. It lifts by itself at 20")
    assert said.endswith(
        "It is lifted by a prayer, or by an admin who grants an exception, on its page or with "
        f"`manage.py grant_exception {job.pk} --gate dummy --reason WHY`."
    )
    assert dummy.deployer.moves == []
    service = await until(lambda: Service.objects.filter(reason="Held by gate dummy: it is Friday").first())
    assert service.status == "waiting"
    message = await until(lambda: Message.objects.filter(recipient="notifier", payload__news__waiting=True).first())
    news = NEWS.validate_python(message.payload["news"])
    assert "is held back. Held by gate dummy: it is Friday" in news.text
    assert len(news.holds) == 1
    assert "a prayer" in news.holds[0]
    dummy.gate.holds.clear()
    await ask(lambda: Deployment.objects.update(gates_due_at=timezone.now()))()
    await until(live(ONE))
    put_off = await ask(lambda: Deployment.objects.get().put_off)()
    assert [each["reason"] for each in put_off] == ["Held by gate dummy: it is Friday", ""]


async def test_all_that_holds_is_told_of_the_flavour_and_of_the_service(dummy: Dummy, runner: Runner) -> None:
    shop = declaration.Service("shop", Use("dummy"), gates=[Use("dummy", name="b")])
    await ask(declare)(shop, gates=[Use("dummy", name="a")])
    dummy.gate.holds["shop"] = Hold(reason="no")
    await push(dummy)
    job = await until(held)
    said = await ask(reason)(job)
    assert "Held by gate dummy a: no." in said
    assert "Held by gate dummy b: no." in said


class Faults:
    """Answers that are none, by what people are told of them."""

    nothing_of_that_kind = (Use("dummy"), "no", "it answered what makes no sense: str instead of a Hold")
    no_reason = (Use("dummy"), Hold(reason=" "), "it answered what makes no sense: a hold without a reason")
    naive = (Use("dummy"), Hold(reason="x", until=timezone.now().replace(tzinfo=None)), "no moment with a time zone")
    raises = (Use("dummy"), lambda _: 1 / 0, "it failed and so does not let it go: ZeroDivisionError: division by zero")
    names = (Use("dummy"), Hold(reason="x", approvers=None), "it failed and so does not let it go: TypeError")  # type: ignore[arg-type]
    missing = (Use("moon"), None, "it cannot be asked: no plugin offers 'moon' among the gates")
    options = (Use("dummy", nam="x"), None, "it cannot be asked: option 'nam': unknown; did you mean 'name'?")


async def test_a_gate_that_fails_or_answers_nonsense_holds_and_others_go_on(dummy: Dummy, runner: Runner) -> None:
    cases = {name: case for name, case in vars(Faults).items() if isinstance(case, tuple)}
    services = [declaration.Service(name, Use("dummy"), gates=[gate]) for name, (gate, _, _) in cases.items()]
    await ask(declare)(*services, declaration.Service("free", Use("dummy")))
    dummy.gate.holds.update({name: answer for name, (_, answer, _) in cases.items()})
    await push(dummy)
    await until(live(ONE, "free"))
    for name, (_, _, words) in cases.items():
        job = await until(lambda name=name: held(name))
        assert words in await ask(reason)(job), name
        assert "an admin who grants an exception" in await ask(reason)(job), name
    assert [move.service.name for move in dummy.deployer.requests] == ["free"]


async def test_a_gate_that_hangs_holds_and_is_asked_again(dummy: Dummy, runner: Runner) -> None:
    gate = Use("dummy", timeout=1)
    await ask(declare)(
        declaration.Service("shop", Use("dummy"), gates=[gate]), declaration.Service("free", Use("dummy"))
    )
    dummy.gate.latches["shop"].shut()
    await push(dummy)
    await until(live(ONE, "free"))
    job = await until(held)
    assert "it did not answer within 1 s" in await ask(reason)(job)
    dummy.gate.latches["shop"].open()
    await ask(lambda: Deployment.objects.update(gates_due_at=timezone.now()))()
    await until(live(ONE))


async def test_a_newer_commit_takes_the_place_of_one_that_is_held(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)()
    dummy.gate.holds["shop"] = lambda question: Hold(reason="wait") if question.release.commit.hash == ONE else None
    await push(dummy)
    job = await until(held)
    await push(dummy, TWO)
    await until(live(TWO))
    assert (await ask(Job.objects.get)(pk=job.pk)).state == JobState.CANCELLED
    assert [move.release.commit.hash for move in dummy.deployer.requests] == [TWO]


async def test_an_approval_is_told_to_the_gate_at_once_and_can_be_taken_back(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)()
    ann, bob = [await ask(factories.make_user)(name) for name in ("ann", "bob")]

    def two(question: Any) -> Hold | None:
        names = [each.by for each in question.approvals]
        return None if len(names) > 1 else Hold(reason=f"approved by {names}", approvers=("builder",))

    dummy.gate.holds["shop"] = two
    await push(dummy)
    job = await until(held)
    await ask(approvals.approve)(job, ann, reason="looks good")
    await until(lambda: "['ann']" in Job.objects.get(pk=job.pk).reason)
    (approval,) = dummy.gate.questions[-1].approvals
    assert (approval.by, approval.role.name, approval.reason, approval.wrote) == ("ann", "ADMIN", "looks good", False)
    await ask(approvals.take_back)(job, ann)
    await until(lambda: "[]" in Job.objects.get(pk=job.pk).reason)
    await ask(approvals.approve)(job, ann)
    await until(lambda: "['ann']" in Job.objects.get(pk=job.pk).reason)
    await ask(approvals.approve)(job, bob)
    await until(live(ONE))
    done = await ask(lambda: list(Activity.objects.filter(user__isnull=False).order_by("pk").values_list("verb")))()
    assert [verb for (verb,) in done] == ["approved", "took back the approval of", "approved", "approved"]


async def test_an_exception_lets_one_deployment_through_and_no_other(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)()
    ann = await ask(factories.make_user)("ann")
    dummy.gate.holds["shop"] = Hold(reason="it is Friday")
    await push(dummy)
    job = await until(held)
    service = await ask(Service.objects.select_related("target__recipe__repository__flavour").get)()

    def grant() -> None:
        standing = gates.standing_before(Flavour.objects.get(), service)
        exceptions.grant(service, standing, ann, reason="the till is broken", job=job)

    await ask(grant)()
    await until(live(ONE))
    row = await ask(Deployment.objects.get)()
    (answer,) = gates.answers(row)
    assert answer.excepted == f"ann lets job {job.pk} through gate dummy: the till is broken"
    await push(dummy, TWO)
    assert (await until(held)).pk != job.pk


async def test_another_declaration_is_asked_at_once(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)()
    dummy.gate.holds["shop"] = Hold(reason="wait")
    await push(dummy)
    await until(held)
    await ask(declare)(declaration.Service("shop", Use("dummy")))
    await until(live(ONE))


# Steps around the move


def log_of(job: Job) -> str:
    return LogStore(configuration.current().logs_dir).read(job.log, 0, 1 << 20).decode()


def steps(*names: str, **options: Any) -> list[Use]:
    return [Use("dummy", name=name, **options) for name in names]


async def deployed(dummy: Dummy, commit: str = ONE) -> Job:
    await push(dummy, commit)
    final = (JobState.SUCCEEDED, JobState.FAILED)
    rows = Job.objects.filter(kind=JobKind.DEPLOYMENT, state__in=final, commit__hash=commit)
    found: Job = await until(rows.first)
    return found


async def test_steps_are_done_before_and_after_the_move_and_are_in_the_log(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)(
        declaration.Service(
            "shop", Use("dummy"), before=steps("drain", "save"), after=steps("warm"), uri="https://s.org"
        )
    )
    job = await deployed(dummy)
    assert job.state == JobState.SUCCEEDED
    told = [(name, request.when) for name, request in dummy.step.requests]
    assert told == [("drain", "before"), ("save", "before"), ("warm", "after")]
    request = dummy.step.requests[0][1]
    assert (request.service, request.flavour, request.branch, request.uri) == ("shop", "acme", "live", "https://s.org")
    log = log_of(job)
    places = [log.index(words) for words in ("step drain says", "step save says", "after the move: step warm")]
    assert places == sorted(places)


async def test_a_step_before_the_move_that_fails_keeps_the_service_where_it_is(dummy: Dummy, runner: Runner) -> None:
    await ask(declare)(declaration.Service("shop", Use("dummy"), before=steps("drain")))
    dummy.step.errors["drain"] = ValueError("no water")
    job = await deployed(dummy)
    assert job.reason == "step drain, before the move, failed: ValueError: no water; the service was not moved"
    assert dummy.deployer.moves == []


@pytest.mark.parametrize("failure", ["fail", "tell"])
async def test_a_step_after_the_move_that_fails_means_what_its_option_says(
    dummy: Dummy, runner: Runner, failure: str
) -> None:
    await ask(declare)(declaration.Service("shop", Use("dummy"), after=steps("warm", failure=failure)))
    assert (await deployed(dummy)).state == JobState.SUCCEEDED
    dummy.step.errors["warm"] = ValueError("cold")
    job = await deployed(dummy, TWO)
    if failure == "tell":
        assert job.state == JobState.SUCCEEDED
        assert "step warm failed, and the deployment goes on: ValueError: cold" in log_of(job)
        return
    assert job.reason == (
        "step warm, after the move, failed: ValueError: cold, and it was taken back to what it ran before"
    )
    assert [move.release.commit.hash for move in dummy.deployer.requests] == [ONE, TWO, ONE]
    assert await ask(live(ONE))()
    deployment = await ask(Deployment.objects.get)(job=job)
    assert deployment.unhealthy == job.reason, "it is not tried again by itself"


async def test_a_step_that_takes_too_long_has_failed_and_a_cancel_ends_it(dummy: Dummy, runner: Runner) -> None:
    from core.services import jobs

    await ask(declare)(declaration.Service("shop", Use("dummy"), before=steps("slow", timeout=1)))
    dummy.step.latches["slow"].shut()
    job = await deployed(dummy)
    assert "it was ended after 1 s; to allow more, raise its option `timeout`" in job.reason
    await ask(declare)(declaration.Service("shop", Use("dummy"), before=steps("slower", timeout=60)))
    dummy.step.latches["slower"].shut()
    await push(dummy, TWO)
    await until(lambda: dummy.step.latches["slower"].waiting)
    running = await ask(Job.objects.get)(state=JobState.RUNNING)
    user = await ask(User.objects.create_user)("cy")
    await ask(jobs.cancel)(running, user, reason="not now")
    await until(lambda: Job.objects.filter(pk=running.pk, state=JobState.CANCELLED).first())
    assert dummy.deployer.moves == []
