"""Locks and freezes: what is held does not start, and everything says so."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.engine import settled
from core.errors import RefusedError
from core.models import Activity, Flavour, Hold, Job, Release, Repository, Service
from core.queries import waiting
from core.services import holds, requests
from core.services.scope import Scope
from core.states import JobState
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return factories.make_user("ann")


@pytest.fixture
def repository() -> Repository:
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    return repository


def push(repository: Repository, commit: str) -> None:
    """A push, and all that can be done after it."""
    shop.look(repository, live=commit)
    shop.run_all(repository)


def reason() -> str:
    job = Job.objects.queued().select_related("flavour").get()
    return waiting.reasons([job], timezone.now())[job.pk]


def test_a_locked_service_stays_and_its_release_is_still_made(repository: Repository, ann: User) -> None:
    hold = holds.lock(Service.objects.get(), ann, reason="the database is moved")
    push(repository, "three")
    assert shop.live() == "two"
    assert Release.objects.get(commit__hash=shop.hash_of("three")).digest
    assert reason().startswith("Locked by ann: the database is moved. It goes on when that is lifted")
    assert "`manage.py unlock`" in reason()
    assert settled.settled(Scope(), timezone.now() - timedelta(days=1), timezone.now() - timedelta(minutes=1))
    holds.lift(hold, ann, reason="it is moved")
    shop.run_all(repository)
    assert shop.live() == "three"
    assert [str(each) for each in Activity.objects.filter(user=ann).order_by("pk")] == [
        "ann locked shop",
        "ann lifted the lock of shop",
    ]


def test_a_newer_commit_takes_the_place_of_the_one_that_is_held(repository: Repository, ann: User) -> None:
    hold = holds.lock(Service.objects.get(), ann, reason="x")
    push(repository, "three")
    push(repository, "four")
    assert Job.objects.queued().count() == 1
    holds.lift(hold, ann)
    shop.run_all(repository)
    assert shop.live() == "four"


def test_a_freeze_lets_a_rollback_through_and_a_lock_does_not(repository: Repository, ann: User) -> None:
    service, old = Service.objects.get(), Release.objects.get(commit__hash=shop.hash_of("one"))
    holds.freeze(Flavour.objects.get(), ann, reason="holidays")
    requests.roll_back(service, old, ann, reason="it leaks")
    shop.run_all(repository)
    assert shop.live() == "one"
    holds.lock(service, ann, reason="hands off")
    requests.lift_rollback(service, ann)
    shop.run_all(repository)
    assert shop.live() == "one"
    assert "Locked by ann: hands off" in reason()


def test_a_hold_ends_by_itself(repository: Repository, ann: User) -> None:
    now = timezone.now()
    holds.freeze(Flavour.objects.get(), ann, reason="holidays", until=now + timedelta(hours=1))
    push(repository, "three")
    assert f"Flavour acme is frozen by ann until {now + timedelta(hours=1):%Y-%m-%d %H:%M} UTC: holidays" in reason()
    assert "`manage.py unfreeze`" in reason()
    Hold.objects.update(until=now)
    shop.run_all(repository)
    assert shop.live() == "three"
    holds.freeze(Flavour.objects.get(), ann, reason="again")
    assert Hold.objects.filter(lifted_at=None).count() == 1


def test_what_runs_already_is_not_stopped(repository: Repository, ann: User) -> None:
    shop.look(repository, live="three")
    while not (deploying := [job for job in shop.claim() if job.kind == "deployment"]):
        for job in Job.objects.running():
            shop.finish(job)
        shop.settle(repository)
    holds.lock(Service.objects.get(), ann, reason="x")
    assert not settled.settled(Scope(), timezone.now() - timedelta(days=1), timezone.now() - timedelta(minutes=1))
    shop.finish(deploying[0])
    assert Job.objects.get(pk=deploying[0].pk).state == JobState.SUCCEEDED


def test_what_cannot_be_held_or_lifted_is_refused(repository: Repository, ann: User) -> None:
    service = Service.objects.get()
    with pytest.raises(RefusedError, match="say why"):
        holds.lock(service, ann, reason=" ")
    with pytest.raises(RefusedError, match="ended already"):
        holds.lock(service, ann, reason="x", until=timezone.now() - timedelta(seconds=1))
    hold = holds.lock(service, ann, reason="mine")
    with pytest.raises(RefusedError, match="Locked by ann: mine"):
        holds.lock(service, ann, reason="x")
    holds.lift(hold, ann)
    with pytest.raises(RefusedError, match="lifted already"):
        holds.lift(hold, ann)
    service.retired_at = timezone.now()
    service.save()
    with pytest.raises(RefusedError, match="is retired"):
        holds.lock(service, ann, reason="x")


def test_a_redeployment_is_of_what_the_service_was_moved_to_last(repository: Repository, ann: User) -> None:
    service = Service.objects.get()
    job = requests.redeploy(service, ann, reason="it hangs")
    assert job.deployment_of.release.commit.hash == shop.hash_of("two")
    with pytest.raises(RefusedError, match="has to end first"):
        requests.redeploy(service, ann)
    with pytest.raises(RefusedError, match="was never deployed: push to live"):
        requests.redeploy(factories.make_service(), ann)


def test_a_freeze_by_a_version_that_knew_no_kinds_is_one(repository: Repository, ann: User) -> None:
    holds.freeze(Flavour.objects.get(), ann, reason="a release day")
    # What the database gives to a row that is written without a kind.
    Hold.objects.update(kind=Hold._meta.get_field("kind").db_default)
    push(repository, "three")
    assert shop.live() == "two"
    assert reason().startswith("Flavour acme is frozen by ann: a release day.")
    with pytest.raises(RefusedError, match="held already"):
        holds.freeze(Flavour.objects.get(), ann, reason="again")
    holds.lift(Hold.objects.get(), ann)
    shop.run_all(repository)
    assert shop.live() == "three"
