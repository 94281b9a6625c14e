"""Tidying up removes what is old, from the disk and from the database, and nothing else; killed, it goes on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from core.engine import keeping_logs, schedules, tidying
from core.engine.tidying import Round
from core.errors import RefusedError, Stalled
from core.logs import places
from core.models import Activity, Build, Commit, Job, Ref, Release, Tidying
from core.operation_values import Context
from core.pipeline.declaration import Retention
from core.services import requests, tidyings
from core.states import JobKind, JobState, Purpose
from core.tidying import Freed, TidyRequest
from tests import factories
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


async def in_database(function: Callable[[], Any]) -> Any:
    return await sync_to_async(function)()


def tidy(**options: Any) -> Round:
    round_ = Round(in_database, **options)
    async_to_sync(round_.run)()
    return round_


def old_job(days: float, *, commit: Commit, purpose: Purpose = Purpose.CHECK, **fields: Any) -> Job:
    """A build that ended long ago, with a log."""
    recipe = factories.make_recipe(f"recipe{factories.make_user().pk}", repository=commit.repository)
    build = factories.make_build(recipe=recipe, commit=commit, purpose=purpose)
    when = timezone.now() - timedelta(days=days)
    job = factories.make_job(
        build=build,
        commit=commit,
        repository=commit.repository,
        flavour=commit.repository.flavour,
        state=fields.pop("state", JobState.SUCCEEDED),
        started_at=when,
        finished_at=fields.pop("finished_at", when),
        **fields,
    )
    Build.objects.filter(pk=build.pk).update(job=job)
    Job.objects.filter(pk=job.pk).update(log=f"2026-01-01/{job.pk:06d}-build.log")
    job.refresh_from_db()
    with contextlib.closing(places.store().open(job.log)) as log:
        log.write(b"a line of its log\n" * 100)
    return job


def made_long_ago(**fields: Any) -> Commit:
    return factories.make_commit(committed_at=timezone.now() - timedelta(days=500), **fields)


def closed(commit: Commit, days: float = 1, name: str = "refs/pull/7/head") -> Ref:
    return factories.make_ref(name, commit=commit, gone_at=timezone.now() - timedelta(days=days))


def test_of_an_old_job_the_log_goes_and_its_page_says_so(client: Any) -> None:
    commit = made_long_ago()
    closed(commit)
    job = old_job(91, commit=commit)
    round_ = tidy()
    assert (round_.removed["logs"], round_.removed["bytes"], round_.faults) == (1, 1816, [])
    assert not places.store().exists(job.log)
    job.refresh_from_db()
    today, flavour = f"{timezone.now():%Y-%m-%d}", job.flavour.name
    sentence = f"Its log was removed on {today} by the policy of {flavour}: logs are kept for 90 days."
    assert sentence in client.get(f"/jobs/{job.pk}/").content.decode()
    raw = client.get(f"/jobs/{job.pk}/log")
    assert (raw.status_code, raw.content.decode()) == (410, sentence + "\n")
    told = client.get(f"/api/jobs/{job.pk}/log")
    assert (told.status_code, told.json()["detail"]) == (410, sentence)
    assert tidy().removed["logs"] == 0


def test_rows_of_old_checks_go_with_their_commits_and_closed_refs() -> None:
    commit = made_long_ago()
    closed(commit, days=31)
    job = old_job(181, commit=commit)
    kept = old_job(179, commit=factories.make_commit(repository=commit.repository))
    removed = tidy().removed
    assert {kind: count for kind, count in removed.items() if count} == {
        "logs": 2, "bytes": 3632, "jobs": 1, "builds": 1, "commits": 1, "refs": 1,
    }  # fmt: skip
    assert not Job.objects.filter(pk=job.pk).exists()
    assert not Commit.objects.filter(pk=commit.pk).exists()
    assert Job.objects.filter(pk=kept.pk).exists()
    assert Activity.objects.exists() is False, "a dry or nameless round records nothing by itself"


@pytest.mark.parametrize("why", ["open ref", "running", "unsent message", "waiting probe"])
def test_what_is_needed_stays_however_old_it_is(why: str) -> None:
    commit = made_long_ago()
    ref = closed(commit, days=400)
    job = old_job(400, commit=commit)
    match why:
        case "open ref":
            Ref.objects.filter(pk=ref.pk).update(gone_at=None)
        case "running":
            old_job(400, commit=commit, state=JobState.QUEUED, finished_at=None)
        case "unsent message":
            payload = {"repository": commit.repository_id, "commit": commit.hash, "status": {}}
            factories.make_message(recipient="source", payload=payload)
        case "waiting probe":
            factories.make_probe(question={"ask": "files", "commit": commit.hash})
    tidy()
    job.refresh_from_db()
    assert job.log_removed_at is None
    assert places.store().exists(job.log)
    assert Commit.objects.filter(pk=commit.pk).exists()


def releases(count: int) -> list[Release]:
    target = factories.make_target()
    return [
        factories.make_release(
            target=target,
            commit=factories.make_commit(repository=target.recipe.repository),
            digest=factories.digest_of(str(number)),
        )
        for number in range(count)
    ]


class _Tidies:
    """What a builder was asked for."""

    def __init__(self, dummy: Dummy, monkeypatch: Any) -> None:
        self.asked: list[TidyRequest] = []
        self.fault: Exception | None = None

        async def tidy(_: object, request: TidyRequest, context: Context) -> Freed:
            self.asked.append(request)
            if self.fault:
                raise self.fault
            return Freed(count=len(request.gone), bytes=1000)

        monkeypatch.setattr(type(dummy.builder), "tidy", tidy, raising=False)


def test_images_go_by_the_builder_and_nobody_is_sent_back_to_them(dummy: Dummy, monkeypatch: Any) -> None:
    tidies = _Tidies(dummy, monkeypatch)
    made = releases(33)
    service = factories.make_service(target=made[0].target, current=made[1], current_digest=made[1].digest)
    made[0].target.recipe.repository.flavour.__class__.objects.update(kept_releases=30)
    removed = tidy().removed
    assert (removed["images"], removed["bytes"]) == (2, 1000)
    (request,) = tidies.asked
    assert {each.digest for each in request.gone} == {made[0].digest, made[2].digest}
    assert {each.digest for each in request.kept} == {each.digest for each in made[3:]} | {made[1].digest}
    made[0].refresh_from_db()
    assert made[0].image_removed_at
    with pytest.raises(RefusedError, match="was removed on"):
        requests.roll_back(service, made[0], factories.make_user(), reason="why not")
    assert tidy().removed["images"] == 0
    assert len(tidies.asked) == 1


def test_a_digest_that_something_else_runs_is_never_asked_for(dummy: Dummy, monkeypatch: Any) -> None:
    tidies = _Tidies(dummy, monkeypatch)
    made = releases(32)
    made[0].target.recipe.repository.flavour.__class__.objects.update(kept_releases=30)
    factories.make_service(observed_digest=made[0].digest)
    tidy()
    assert [each.digest for each in tidies.asked[0].gone] == [made[1].digest]


def test_a_registry_that_removes_nothing_is_told_and_asked_again(dummy: Dummy, monkeypatch: Any) -> None:
    tidies = _Tidies(dummy, monkeypatch)
    tidies.fault = Stalled("the registry removes nothing")
    made = releases(31)
    made[0].target.recipe.repository.flavour.__class__.objects.update(kept_releases=30)
    round_ = tidy()
    assert round_.removed["images"] == 0
    assert round_.faults == [
        f"{made[0].target.recipe.repository.name}: images of recipe 'web': the registry removes nothing"
    ]
    made[0].refresh_from_db()
    assert made[0].image_removed_at is None


@pytest.mark.django_db(transaction=True)
def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    commit = made_long_ago()
    closed(commit, days=31)
    job = old_job(200, commit=commit)
    out = StringIO()
    call_command("tidy", "--dry-run", stdout=out)
    assert out.getvalue().splitlines() == [
        f"{job.flavour.name}: {tidyings.policy(Retention())}.",
        "Would remove 1 log, 1 job and 1 closed ref, 1.8 kB.",
    ]
    assert Job.objects.filter(pk=job.pk).exists()
    assert places.store().exists(job.log)
    assert not Tidying.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_does_it_and_it_is_remembered() -> None:
    commit = made_long_ago()
    old_job(200, commit=commit)
    out = StringIO()
    call_command("tidy", stdout=out)
    assert out.getvalue().splitlines()[-1] == "Removed 1 log, 1 job, 1 check build and 1 commit, 1.8 kB."
    row = Tidying.objects.get()
    assert row.finished_at
    assert row.removed["jobs"] == 1
    (activity,) = Activity.objects.all()
    assert (activity.verb, activity.reason) == ("tidied up", "1 log, 1 job, 1 check build and 1 commit, 1.8 kB")


def test_a_log_that_cannot_be_removed_keeps_its_row(monkeypatch: Any) -> None:
    from core.errors import OperationError

    job = old_job(200, commit=factories.make_commit())

    def away(name: str) -> None:
        raise OperationError("the log store does not answer")

    monkeypatch.setattr(places.store(), "remove", away)
    round_ = tidy()
    assert round_.faults == ["the log store does not answer"]
    assert Job.objects.filter(pk=job.pk, log_removed_at=None).exists()


def test_old_readings_of_inputs_go_but_the_newest() -> None:
    row = factories.make_input(value="one")
    when = timezone.now() - timedelta(days=300)
    made = [
        factories.make_job(
            kind=JobKind.INPUT, input=row, flavour=row.flavour, repository=None, commit=None, fingerprint="f" * 64,
            exclusive=f"input:{number}", state=JobState.SUCCEEDED, finished_at=when,
        )
        for number in range(3)
    ]  # fmt: skip
    assert tidy().removed["jobs"] == 2
    assert list(Job.objects.all()) == [made[2]]


def test_a_schedule_asks_once_and_a_runner_takes_it_up() -> None:
    schedules.tidy_up()
    schedules.tidy_up()
    now = timezone.now()
    (row,) = tidyings.claim(now, limit=1)
    assert tidyings.claim(now, limit=1) == []
    assert tidyings.claim(now + tidyings.LEASE * 2, limit=1) == [row], "whoever had it was killed"
    async_to_sync(tidying.carry_out)(row, in_database)
    row.refresh_from_db()
    assert row.finished_at
    assert tidyings.claim(now + tidyings.LEASE * 9, limit=1) == []


def test_killed_half_way_it_goes_on(monkeypatch: Any) -> None:
    """The log is gone and its row does not say so yet: the next time it does."""
    commit = made_long_ago()
    closed(commit)
    job = old_job(100, commit=commit)
    places.store().remove(job.log)
    assert tidy().removed["logs"] == 1
    job.refresh_from_db()
    assert job.log_removed_at


@pytest.mark.django_db(transaction=True)
def test_no_transaction_takes_long(monkeypatch: Any) -> None:
    """However much there is to remove, each transaction touches a bounded number of rows."""
    commit = made_long_ago()
    when = timezone.now() - timedelta(days=300)
    build = factories.make_build(commit=commit, recipe=factories.make_recipe(repository=commit.repository))
    same = {"repository": commit.repository, "flavour": commit.repository.flavour, "commit": commit, "build": build}
    model = factories.make_job(**same, state=JobState.SUCCEEDED, finished_at=when)
    rows = [_copied(model, number) for number in range(600)]
    Job.objects.bulk_create(rows)
    deleted: list[int] = []
    forget = tidyings.Job.objects.none().__class__.delete

    def counted(rows_: Any) -> Any:
        assert connection.in_atomic_block
        found = forget(rows_)
        deleted.append(found[0])
        return found

    monkeypatch.setattr(tidyings.Job.objects.none().__class__, "delete", counted)
    assert tidy().removed["jobs"] == 601
    assert max(deleted) <= tidyings.BATCH + 1
    assert not Commit.objects.exists()


def _copied(model: Job, number: int) -> Job:
    fields = {each.attname: getattr(model, each.attname) for each in Job._meta.concrete_fields if each.attname != "id"}
    return Job(**{**fields, "exclusive": f"copy {number}", "fingerprint": f"{number:064x}"})


# Packing


def test_logs_are_packed_when_their_jobs_are_over_for_a_while() -> None:
    commit = made_long_ago()
    old, fresh = old_job(1, commit=commit), old_job(0, commit=commit)
    running = old_job(1, commit=commit, state=JobState.QUEUED, finished_at=None)
    store = places.store()
    assert async_to_sync(keeping_logs.pack_all)(store, in_database) == 1
    assert [name for name, _ in store.loose()] == sorted([fresh.log, running.log])
    assert store.read(old.log, 0, 20) == b"a line of its log\na "
