"""Claiming, leases, approvals and cancels."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.errors import RefusedError, TransitionError
from core.models import Activity, Job, Runner
from core.services import approvals, flavours, jobs, runners
from core.services.scope import Scope
from core.states import JobKind, JobState, Level
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ann")


def waiting(*commits: str) -> list[Job]:
    """A check build for each commit."""
    repository = shop.declare()
    shop.look(repository, **{f"b{commit}": commit for commit in commits})
    shop.settle(repository)
    return list(Job.objects.order_by("pk"))


def test_a_job_is_claimed_by_one_runner_alone() -> None:
    waiting("a", "b")
    assert len(shop.claim("one")) == 2
    assert shop.claim("two") == []


def test_release_builds_go_before_check_builds() -> None:
    repository = shop.declare()
    shop.look(repository, aaa="one", live="two")
    shop.settle(repository)
    assert [job.build.purpose for job in shop.claim(limit=1) if job.build] == ["release"]


def test_a_pool_takes_no_more_than_it_has_places_and_holds_up_no_other() -> None:
    waiting("a", "b", "c")
    (pool,) = set(Job.objects.values_list("pool", flat=True))
    assert len(shop.claim("one", **{pool: 2})) == 2
    assert shop.claim("one", **{pool: 0}) == []
    assert len(shop.claim("one", **{"another pool": 0})) == 1


def test_a_scope_takes_only_its_own() -> None:
    waiting("a")
    now = timezone.now()
    assert jobs.claim("r", now, shop.LEASE, Scope("other"), places={}, limit=9) == []
    assert jobs.claim("r", now, shop.LEASE, Scope("acme", "acme/other"), places={}, limit=9) == []
    assert len(jobs.claim("r", now, shop.LEASE, Scope("acme", "acme/shop"), places={}, limit=9)) == 1


@pytest.mark.parametrize(
    ("threshold", "starts"),
    [
        pytest.param(None, True, id="no threshold"),
        pytest.param(Level.HARMLESS, False, id="everything asks"),
        pytest.param(Level.AVERAGE, False, id="at the level"),
        pytest.param(Level.ABOVE_AVERAGE, True, id="below the threshold"),
    ],
)
def test_an_operation_at_or_above_the_threshold_waits(threshold: Level | None, starts: bool) -> None:
    (job,) = waiting("a")
    flavours.configure(job.flavour, harmless=False, threshold=threshold, lifts_at=None)
    assert bool(shop.claim()) is starts


def test_an_approved_job_starts(person: User) -> None:
    (job,) = waiting("a")
    flavours.configure(job.flavour, harmless=False, threshold=Level.HARMLESS, lifts_at=None)
    approvals.approve(job, person, reason="looked at it")
    (claimed,) = shop.claim()
    assert claimed.approved_by == person
    assert Activity.objects.filter(user=person, verb="approved", reason="looked at it").exists()


def test_a_threshold_lifts_by_itself_at_its_time() -> None:
    (job,) = waiting("a")
    past = timezone.now() - timedelta(seconds=1)
    flavours.configure(job.flavour, harmless=False, threshold=Level.HARMLESS, lifts_at=past)
    assert shop.claim()


def test_a_job_that_is_put_back_waits_for_its_time() -> None:
    waiting("a")
    (job,) = shop.claim()
    claim = jobs.Claim(job.pk, "r")
    later = timezone.now() + timedelta(minutes=1)
    assert jobs.put_back(claim, reason="no answer", not_before=later, counts=True)
    assert shop.claim() == []
    Job.objects.update(not_before=timezone.now())
    (again,) = shop.claim()
    assert (again.pk, again.attempts) == (job.pk, 1)


def test_a_lease_that_ended_frees_the_job_and_its_former_runner_has_lost_it() -> None:
    waiting("a")
    (job,) = shop.claim("one")
    assert jobs.take_back(None, timezone.now()) == 0
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert jobs.take_back(None, timezone.now()) == 1
    assert shop.claim("two")
    assert not jobs.finish(jobs.Claim(job.pk, "one"), JobState.SUCCEEDED)
    assert not jobs.put_back(jobs.Claim(job.pk, "one"), reason="", not_before=None, counts=False)
    assert jobs.finish(jobs.Claim(job.pk, "two"), JobState.SUCCEEDED)


def test_a_runner_that_leaves_frees_what_it_had() -> None:
    waiting("a")
    now = timezone.now()
    runners.register("one", "here", 1, "boot", now)
    shop.claim("one")
    assert runners.alive(now, shop.LEASE) == 1
    assert runners.leave(["one"], now) == 1
    assert not Runner.objects.exists()
    assert shop.claim("two")


def test_a_heartbeat_keeps_the_leases() -> None:
    waiting("a", "b")
    now = timezone.now()
    runners.register("r", "here", 1, "boot", now)
    kept, forgotten = shop.claim("r")
    later = now + timedelta(seconds=25)
    runners.renew("r", later, shop.LEASE, [kept.pk])
    assert jobs.take_back(None, now + timedelta(seconds=40)) == 1
    forgotten.refresh_from_db()
    assert forgotten.state == JobState.QUEUED


def test_what_a_runner_still_lets_go_of_it_does_not_take_up() -> None:
    waiting("a")
    now, nowhere = timezone.now(), Scope()
    (job,) = shop.claim("r")
    jobs.take_back(["r"], now)
    assert jobs.claim("r", now, shop.LEASE, nowhere, places={}, limit=9, without=[job.pk]) == []
    assert jobs.claim("s", now, shop.LEASE, nowhere, places={}, limit=9) == [job]


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_is_asked(person: User) -> None:
    first, second = waiting("a", "b")
    jobs.cancel(first, person, reason="no")
    first.refresh_from_db()
    assert (first.state, first.reason, first.cancelled_by_person) == (JobState.CANCELLED, "no", True)
    (running,) = shop.claim()
    assert running == second
    jobs.cancel(second, person, reason="stop")
    assert jobs.in_hand("r") == {second.pk: "stop"}


def test_what_is_over_can_be_neither_cancelled_nor_approved(person: User) -> None:
    waiting("a")
    (job,) = shop.claim()
    with pytest.raises(RefusedError, match="does not wait"):
        approvals.approve(job, person)
    shop.finish(job)
    with pytest.raises(RefusedError, match="has succeeded"):
        jobs.cancel(job, person, reason="")


def test_a_withdrawal_never_overrules_a_person(person: User) -> None:
    waiting("a")
    (job,) = shop.claim()
    jobs.cancel(job, person, reason="mine")
    jobs.withdraw(job.pk, "the deployer's")
    assert jobs.in_hand("r") == {job.pk: "mine"}
    shop.finish(job, JobState.CANCELLED)
    jobs.withdraw(job.pk, "too late")


def test_a_move_that_the_machine_does_not_allow_is_refused() -> None:
    (job,) = waiting("a")
    Job.objects.update(state=JobState.RUNNING, runner="r", lease_until=timezone.now())
    with pytest.raises(TransitionError):
        jobs.finish(jobs.Claim(job.pk, "r"), JobState.RUNNING)


def test_the_database_refuses_two_active_jobs_for_the_same() -> None:
    (job,) = waiting("a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(
            kind=JobKind.BUILD, fingerprint="x", exclusive=job.exclusive, flavour=job.flavour, title="t", level=0
        )


def test_the_database_refuses_a_running_job_that_nobody_runs() -> None:
    waiting("a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.update(state=JobState.RUNNING)
