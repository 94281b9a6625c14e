"""Several services of one target, moved in their order, from row to row."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from core.models import Job, Release, Repository, Service, Target
from core.services import jobs, requests
from core.states import JobKind, JobState
from tests.core import shop

pytestmark = pytest.mark.django_db

NAMES = ("shop-1", "shop-2", "shop-3")


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ann")


def declare(rollout: str, names: tuple[str, ...] = NAMES, *, soak: int = 0) -> Repository:
    return shop.declare(shop.flavour(services=names, rollout=rollout, soak=soak))


def publish(repository: Repository, commit: str) -> None:
    """A look that sees this commit, and everything up to its release."""
    shop.look(repository, live=commit)
    shop.settle(repository)
    for _ in range(2):
        shop.finish(*shop.claim())
        shop.settle(repository)


def claimed() -> list[str]:
    """What is being deployed from now on, by service."""
    return sorted(job.title.partition(":")[0] for job in shop.claim())


def end(repository: Repository, *names: str, state: JobState = JobState.SUCCEEDED, reason: str = "") -> None:
    for name in names:
        shop.finish(Job.objects.running().get(title__startswith=f"{name}:"), state, reason=reason)
    shop.settle(repository)


def test_in_order_one_follows_the_other() -> None:
    repository = declare("in-order")
    publish(repository, "one")
    for name in NAMES:
        assert claimed() == [name]
        end(repository, name)
    assert claimed() == []
    assert [shop.live(name) for name in NAMES] == ["one"] * 3


def test_in_order_a_failure_stops_the_rest_and_says_so() -> None:
    repository = declare("in-order")
    publish(repository, "one")
    assert claimed() == ["shop-1"]
    end(repository, "shop-1")
    assert claimed() == ["shop-2"]
    end(repository, "shop-2", state=JobState.FAILED, reason="it is not healthy")
    assert claimed() == []
    assert [shop.live(name) for name in NAMES] == ["one", None, None]
    assert [shop.service(name).status for name in NAMES] == ["done", "failed", "blocked"]
    assert shop.service("shop-3").reason.startswith("the service shop-2 failed: the others stay where they are until")


def test_a_failure_that_a_person_mends_lets_the_rest_go_on(person: User) -> None:
    repository = declare("in-order")
    publish(repository, "one")
    assert claimed() == ["shop-1"]
    end(repository, "shop-1", state=JobState.FAILED, reason="the port is taken")
    requests.again(Job.objects.get(title__startswith="shop-1:"), person, reason="the port is free")
    shop.run_all(repository)
    assert [shop.live(name) for name in NAMES] == ["one"] * 3


def test_after_its_canary_all_others_follow_at_once() -> None:
    repository = declare("canary")
    publish(repository, "one")
    assert claimed() == ["shop-1"]
    assert shop.service("shop-2").reason == "waits for the canary shop-1: it moves first"
    end(repository, "shop-1")
    assert claimed() == ["shop-2", "shop-3"]


def test_a_newer_commit_helps_where_the_canary_failed() -> None:
    repository = declare("canary")
    publish(repository, "one")
    assert claimed() == ["shop-1"]
    end(repository, "shop-1", state=JobState.FAILED, reason="no")
    publish(repository, "two")
    shop.run_all(repository)
    assert [shop.live(name) for name in NAMES] == ["two"] * 3


def test_a_rolled_back_canary_holds_what_waits_already_until_that_is_lifted(person: User) -> None:
    repository = declare("canary")
    publish(repository, "one")
    shop.run_all(repository)
    publish(repository, "two")
    assert claimed() == ["shop-1"]
    end(repository, "shop-1")
    waiting = list(Job.objects.queued())
    assert len(waiting) == 2
    one = Release.objects.get(commit__hash=shop.hash_of("one"))
    requests.roll_back(shop.service("shop-1"), one, person, reason="two is slow")
    shop.run_all(repository)
    assert [shop.live(name) for name in NAMES] == ["one"] * 3
    for job in waiting:
        job.refresh_from_db()
        assert (job.state, job.cancelled_by_person) == (JobState.CANCELLED, False)
        assert job.reason.startswith("it is held back: the canary shop-1 was rolled back")
    requests.lift_rollback(shop.service("shop-1"), person)
    shop.run_all(repository)
    assert [shop.live(name) for name in NAMES] == ["two"] * 3


def test_a_rollback_of_the_rest_waits_for_nobody(person: User) -> None:
    repository = declare("in-order")
    publish(repository, "one")
    shop.run_all(repository)
    publish(repository, "two")
    shop.run_all(repository)
    one = Release.objects.get(commit__hash=shop.hash_of("one"))
    requests.again(Job.objects.filter(title__startswith="shop-1:").latest("pk"), person)
    requests.roll_back(shop.service("shop-3"), one, person, reason="two is slow here")
    shop.settle(repository)
    assert claimed() == ["shop-1", "shop-3"]


# The order that is declared


def order() -> list[str]:
    return [service.name for service in Target.objects.get().in_order()]


def test_the_order_is_that_of_the_file_however_it_was_before() -> None:
    declare("in-order")
    assert order() == list(NAMES)
    repository = declare("in-order", ("shop-3", "shop-4", "shop-1"))
    assert order() == ["shop-3", "shop-4", "shop-1"]
    publish(repository, "one")
    assert claimed() == ["shop-3"]


def test_what_the_admin_adds_comes_last_unless_it_says_where() -> None:
    declare("in-order", ("shop-1", "shop-2"))
    target = Target.objects.get()
    Service.objects.create(target=target, name="late", deployer="nowhere")
    Service.objects.create(target=target, name="later", deployer="nowhere")
    Service.objects.create(target=target, name="first", deployer="nowhere", position=0)
    assert order() == ["first", "shop-1", "shop-2", "late", "later"]


def test_another_rollout_is_in_force_at_once() -> None:
    repository = declare("canary")
    publish(repository, "one")
    assert claimed() == ["shop-1"]
    declare("together")
    shop.settle(repository)
    assert claimed() == ["shop-2", "shop-3"]


@pytest.mark.parametrize(
    ("rollout", "soaks"),
    [("together", [0, 0, 0]), ("in-order", [60, 60, 0]), ("canary", [60, 0, 0])],
)
def test_a_service_soaks_if_others_wait_for_it(rollout: str, soaks: list[int]) -> None:
    declare(rollout)
    Target.objects.update(soak=60)
    assert [service.watched for service in Target.objects.get().in_order()] == soaks


# Publications, one at a time


def test_a_newer_publication_waits_for_the_end_of_the_older_one() -> None:
    repository = declare("together")
    shop.look(repository, live="one")
    shop.settle(repository)
    shop.finish(*shop.claim())
    shop.settle(repository)
    (older,) = shop.claim("slow")
    assert older.kind == JobKind.RELEASE
    shop.look(repository, live="two")
    shop.settle(repository)
    shop.finish(*shop.claim())
    shop.settle(repository)
    assert jobs.in_hand("slow")[older.pk].startswith("it is not wanted any more")
    assert shop.claim() == [], "its runner has not heard yet that its end was asked for"
    reason = f"waits for {older.title} to end"
    assert {service.reason for service in Service.objects.all()} == {reason}
    shop.finish(older, JobState.CANCELLED, reason="it is not wanted any more")
    shop.settle(repository)
    assert [job.kind for job in shop.claim()] == [JobKind.RELEASE]


def test_a_publication_that_ended_well_before_it_heard_of_its_end_is_followed_by_the_newer_one() -> None:
    repository = declare("together")
    shop.look(repository, live="one")
    shop.settle(repository)
    shop.finish(*shop.claim())
    shop.settle(repository)
    (older,) = shop.claim("slow")
    publish_newer = ["two"]
    shop.look(repository, live=publish_newer[0])
    shop.settle(repository)
    shop.finish(*shop.claim())
    shop.settle(repository)
    shop.finish(older)
    shop.run_all(repository)
    published = Job.objects.filter(kind=JobKind.RELEASE, state=JobState.SUCCEEDED).order_by("finished_at")
    assert [job.commit.hash for job in published if job.commit] == [shop.hash_of("one"), shop.hash_of("two")]
    assert shop.live("shop-1") == "two"
