"""A person has a release built again: it is published again, its services follow, and history tells both digests."""

from __future__ import annotations

from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User

from core.engine import execute
from core.errors import RefusedError
from core.models import Deployment, Job, Recipe, Release, Repository
from core.services import jobs, requests
from core.states import JobKind, JobState
from core.testing.contexts import attempt_context
from tests.core import shop
from tests.dummy_plugin.hooks import Dummy

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ann")


@pytest.fixture
def repository() -> Repository:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    return repository


def newest(kind: JobKind) -> Job:
    return Job.objects.filter(kind=kind).latest("pk")


def kinds(done: list[Job]) -> list[str]:
    return [str(job.kind) for job in done]


def test_what_was_built_again_is_published_and_deployed_again(repository: Repository, person: User) -> None:
    before = shop.service().current_digest
    requests.again(newest(JobKind.BUILD), person, reason="the base image has a hole")
    assert kinds(shop.run_all(repository)) == ["build", "release", "deployment"]
    assert shop.service().current_digest == Release.objects.get().digest != before
    assert kinds(shop.run_all(repository)) == []


def test_history_tells_the_digest_of_each_time(repository: Repository, person: User) -> None:
    first = Release.objects.get().digest
    requests.again(newest(JobKind.BUILD), person)
    shop.run_all(repository)
    second = Release.objects.get().digest
    after, before = Deployment.objects.all()
    assert (before.digest, before.previous, after.digest, after.previous_digest) == (first, None, second, first)
    assert before.release == after.release == after.previous


def test_nothing_drifts_while_the_new_digest_is_on_its_way(repository: Repository, person: User) -> None:
    requests.again(newest(JobKind.RELEASE), person)
    shop.settle(repository)
    shop.finish(*shop.claim())
    service = shop.service()
    assert service.current
    assert (service.current.digest != service.observed_digest, service.drift) == (True, "")


def test_the_same_digest_is_not_deployed_again(repository: Repository, person: User) -> None:
    requests.again(newest(JobKind.BUILD), person)
    shop.settle(repository)
    shop.finish(*shop.claim())
    shop.settle(repository)
    shop.finish(*shop.claim(), value=shop.service().current_digest)
    assert kinds(shop.run_all(repository)) == []


def test_a_build_that_fails_this_time_changes_nothing(repository: Repository, person: User) -> None:
    before = shop.service().current_digest
    requests.again(newest(JobKind.BUILD), person)
    assert kinds(shop.run_all(repository, build="the mirror is down")) == ["build"]
    assert shop.service().current_digest == before


def test_a_rollback_and_its_end_go_to_the_newest_digest(repository: Repository, person: User) -> None:
    shop.look(repository, live="two")
    shop.run_all(repository)
    one = Release.objects.get(commit__hash=shop.hash_of("one"))
    requests.roll_back(shop.service(), one, person, reason="two is slow")
    shop.run_all(repository)
    requests.again(newest(JobKind.BUILD), person)
    assert kinds(shop.run_all(repository)) == ["build", "release"], "a rollback is not left for it"
    assert (shop.live(), shop.service().current_digest) == ("one", one.digest)
    requests.lift_rollback(shop.service(), person)
    shop.run_all(repository)
    two = Release.objects.get(commit__hash=shop.hash_of("two"))
    assert (shop.live(), shop.service().current_digest) == ("two", two.digest)


@pytest.mark.django_db(transaction=True)
def test_a_publication_is_of_the_builds_that_succeeded_last_while_one_is_done_again(
    repository: Repository, person: User, dummy: Dummy, tmp_path: Path
) -> None:
    Recipe.objects.update(builder="dummy")
    Repository.objects.update(source="dummy")
    built, published = newest(JobKind.BUILD), newest(JobKind.RELEASE)
    requests.again(published, person)
    (job,) = shop.claim()
    requests.again(built, person)
    operation = execute.prepare(Job.objects.get(pk=job.pk))
    async_to_sync(operation.run)(attempt_context(tmp_path))
    (request,) = dummy.builder.published
    assert request.artifacts == {"linux/amd64": built.value}


def test_a_release_that_was_left_behind_is_not_published_again(repository: Repository, person: User) -> None:
    older = newest(JobKind.RELEASE)
    shop.look(repository, live="two")
    shop.run_all(repository)
    with pytest.raises(RefusedError, match=r"live has moved on from acme/shop:live at .*: published again, it would"):
        requests.again(older, person)


def test_nothing_of_a_target_is_published_while_its_publication_runs(repository: Repository, person: User) -> None:
    requests.again(newest(JobKind.RELEASE), person)
    (running,) = shop.claim()
    with pytest.raises(RefusedError, match=f"job {running.pk} .* has to end first"):
        requests.again(running, person)
    jobs.finish(jobs.Claim(running.pk, running.runner), JobState.SUCCEEDED, value=shop.DIGEST)
    shop.run_all(repository)
    assert shop.service().current_digest == shop.DIGEST
