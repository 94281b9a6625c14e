"""What a look at a repository leads to, from row to row."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from core.engine.reconcile import reconcile, stale_repositories
from core.errors import RefusedError
from core.models import Activity, Build, Deployment, Job, Message, Ref, Release, Repository
from core.services import declarations, flavours, heads, jobs, requests
from core.services.scope import Scope
from core.states import JobKind, JobState, Level
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> User:
    return User.objects.create_user("ann")


def test_a_push_is_built_released_and_deployed_in_turn() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    done = shop.run_all(repository)
    assert [job.kind for job in done] == [JobKind.BUILD, JobKind.RELEASE, JobKind.DEPLOYMENT]
    assert shop.live() == "one"
    assert (shop.service().status, shop.service().reason) == ("done", "")
    release = Release.objects.get()
    assert release.digest.startswith("sha256:")
    assert release.published_at


def test_a_branch_that_nothing_follows_is_only_checked() -> None:
    repository = shop.declare()
    shop.look(repository, topic="one")
    done = shop.run_all(repository)
    assert [job.title for job in done] == ["acme/shop: check build of web on linux/amd64 of 6f6e650000"]
    assert Build.objects.get().target is None
    assert shop.live() is None
    assert shop.service().reason == "waits for branch live: acme/shop has none of that name; push one to deploy"


def test_each_platform_is_built_before_there_is_a_release() -> None:
    repository = shop.declare(shop.flavour(platforms=("linux/amd64", "linux/arm64")))
    shop.look(repository, live="one")
    shop.settle(repository)
    first, second = shop.claim()
    shop.finish(first)
    shop.settle(repository)
    assert shop.claim() == []
    shop.finish(second)
    shop.settle(repository)
    (release,) = shop.claim()
    assert release.kind == JobKind.RELEASE


def test_looking_again_changes_nothing() -> None:
    repository = shop.declare()
    shop.look(repository, live="one", topic="two")
    shop.settle(repository)
    before = list(Job.objects.values())
    for _ in range(3):
        heads.touch(Ref.objects.all())
        shop.look(repository, live="one", topic="two")
        shop.settle(repository)
    assert list(Job.objects.values()) == before


def test_a_look_without_news_asks_the_database_almost_nothing(django_assert_max_num_queries: object) -> None:
    repository = shop.declare()
    shop.look(repository, **{f"b{number}": f"c{number}" for number in range(60)})
    shop.settle(repository)
    with django_assert_max_num_queries(4):  # type: ignore[operator]
        assert not reconcile(repository.pk)


def test_a_newer_commit_cancels_what_waits_for_the_older_one() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    shop.look(repository, live="two")
    shop.settle(repository)
    old, new = Job.objects.order_by("pk")
    assert old.state == JobState.CANCELLED
    assert "not wanted any more" in old.reason
    assert new.state == JobState.QUEUED
    shop.run_all(repository)
    assert shop.live() == "two"


def test_a_newer_commit_asks_a_running_build_to_end() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    (build,) = shop.claim()
    shop.look(repository, live="two")
    shop.settle(repository)
    assert "not wanted any more" in jobs.in_hand("r")[build.pk]


def test_a_deployment_that_runs_is_left_to_end_and_the_newer_one_waits_for_it() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    for _ in range(2):
        shop.finish(*shop.claim())
        shop.settle(repository)
    (deployment,) = shop.claim()
    assert deployment.kind == JobKind.DEPLOYMENT
    shop.look(repository, live="two")
    shop.settle(repository)
    for _ in range(2):
        shop.finish(*shop.claim())
        shop.settle(repository)
    assert jobs.in_hand("r") == {deployment.pk: ""}
    assert shop.service().reason == "waits for shop: deployment to 6f6e650000 to end"
    shop.finish(deployment)
    shop.run_all(repository)
    assert shop.live() == "two"


def test_a_deployment_that_still_waits_is_replaced_by_the_newer_one() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    for _ in range(2):
        shop.finish(*shop.claim())
        shop.settle(repository)
    waiting = Job.objects.queued().get()
    shop.look(repository, live="two")
    shop.run_all(repository)
    waiting.refresh_from_db()
    assert waiting.state == JobState.CANCELLED
    assert shop.live() == "two"
    assert [deployment.job.state for deployment in Deployment.objects.order_by("pk")] == ["cancelled", "succeeded"]


def test_a_failed_build_leaves_the_service_alone_and_says_so() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    shop.look(repository, live="two")
    shop.run_all(repository, build="make exited with status 2")
    assert shop.live() == "one"
    assert shop.service().reason == "the release build of web on linux/amd64 failed: push a new commit or run it again"
    shop.run_all(repository)
    assert Job.objects.filter(kind=JobKind.BUILD).count() == 2, "what failed is not tried again by itself"


def test_a_failed_deployment_is_not_tried_again_before_a_person_asks(person: User) -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository, deployment="it is not healthy")
    assert (shop.live(), shop.service().status, shop.service().reason) == (None, "failed", "it is not healthy")
    shop.run_all(repository)
    failed = Job.objects.get(kind=JobKind.DEPLOYMENT)
    requests.again(failed, person, reason="the port is free now")
    shop.run_all(repository)
    assert shop.live() == "one"
    assert Activity.objects.filter(user=person, verb="asked again for", reason="the port is free now").exists()


def test_one_failing_service_holds_up_no_other() -> None:
    repository = shop.declare(shop.flavour(services=("shop", "stock")))
    shop.look(repository, live="one")
    shop.settle(repository)
    for _ in range(2):
        shop.finish(*shop.claim())
        shop.settle(repository)
    first, second = shop.claim()
    shop.finish(first, JobState.FAILED, reason="no")
    shop.finish(second)
    shop.settle(repository)
    assert (shop.live("shop"), shop.live("stock")) == (None, "one")


def test_a_rollback_holds_until_the_branch_moves_on(person: User) -> None:
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    old = Release.objects.get(commit__hash=shop.hash_of("one"))
    requests.roll_back(shop.service(), old, person, reason="two is slow")
    done = shop.run_all(repository)
    assert [job.title for job in done] == ["shop: rollback to 6f6e650000"], "nothing is built"
    assert shop.live() == "one"
    heads.touch(Ref.objects.all())
    shop.run_all(repository)
    assert shop.live() == "one"
    shop.look(repository, live="three")
    shop.run_all(repository)
    assert shop.live() == "three"


def test_a_rollback_can_be_lifted(person: User) -> None:
    repository = shop.declare()
    for commit in ("one", "two"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    old = Release.objects.get(commit__hash=shop.hash_of("one"))
    requests.roll_back(shop.service(), old, person, reason="")
    shop.run_all(repository)
    requests.lift_rollback(shop.service(), person)
    shop.run_all(repository)
    assert shop.live() == "two"
    with pytest.raises(RefusedError, match="no rollback"):
        requests.lift_rollback(shop.service(), person)


def test_a_service_cannot_go_back_to_what_was_never_published_for_it(person: User) -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    with pytest.raises(RefusedError, match="head"):
        requests.roll_back(shop.service(), Release.objects.get(), person, reason="")
    Release.objects.update(digest="")
    with pytest.raises(RefusedError, match="never published"):
        requests.roll_back(shop.service(), Release.objects.get(), person, reason="")


def test_a_rewritten_branch_is_followed_back() -> None:
    repository = shop.declare()
    for commit in ("one", "two", "one"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    assert shop.live() == "one"
    assert Job.objects.filter(kind=JobKind.BUILD).count() == 2, "what was built is not built again"


def test_a_deleted_branch_asks_for_nothing_any_more() -> None:
    repository = shop.declare()
    shop.look(repository, live="one", topic="two")
    shop.settle(repository)
    shop.look(repository)
    shop.settle(repository)
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.CANCELLED}
    assert "waits for branch live" in shop.service().reason


def test_two_branches_at_one_commit_are_checked_once_and_each_keeps_the_check_alive() -> None:
    repository = shop.declare()
    shop.look(repository, a="one", b="one")
    shop.settle(repository)
    shop.look(repository, b="one")
    shop.settle(repository)
    assert list(Job.objects.values_list("state", flat=True)) == [JobState.QUEUED]


def test_what_a_person_cancelled_stays_cancelled_until_asked_again(person: User) -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    build = Job.objects.get()
    jobs.cancel(build, person, reason="not today")
    shop.run_all(repository)
    assert Job.objects.count() == 1
    assert (
        shop.service().reason
        == "the release build of web on linux/amd64 was cancelled: push a new commit or run it again"
    )
    requests.again(build, person)
    shop.run_all(repository)
    assert shop.live() == "one"


def test_a_harmless_flavour_looks_at_deployment_branches_alone_and_asks_for_everything() -> None:
    repository = shop.declare()
    flavours.configure(repository.flavour, harmless=True, threshold=Level.HARMLESS, lifts_at=None)
    shop.look(repository, live="one", topic="two")
    shop.settle(repository)
    assert [job.build.purpose for job in Job.objects.all() if job.build] == ["release"]
    assert shop.claim() == []
    assert not Message.objects.exists()


def test_a_changed_recipe_is_built_anew() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    declared = shop.flavour(platforms=("linux/arm64",))
    shop.declare(declared)
    shop.run_all(repository)
    assert list(Build.objects.order_by("pk").values_list("platform", flat=True)) == ["linux/amd64", "linux/arm64"]
    assert Deployment.objects.count() == 2


def test_a_retired_repository_asks_for_nothing_any_more() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.settle(repository)
    repository.refresh_from_db()
    declarations.retire(repository)
    shop.settle(repository)
    assert Job.objects.get().state == JobState.CANCELLED
    assert stale_repositories(Scope()) == []


def test_a_thousand_refs_are_evaluated_in_small_transactions() -> None:
    repository = shop.declare()
    shop.look(repository, **{f"b{number}": f"c{number}" for number in range(120)})
    assert reconcile(repository.pk), "others may write in between"
    while reconcile(repository.pk):
        pass
    assert Job.objects.count() == 120


def test_a_stale_look_cannot_be_lost_while_another_goes_on() -> None:
    repository = shop.declare()
    shop.look(repository, live="one")
    ref = Ref.objects.get()
    shop.settle(repository)
    # What `reconcile` does at its end for the version that it read, after somebody touched the ref once more.
    heads.touch(Ref.objects.all())
    Ref.objects.filter(pk=ref.pk).update(reconciled_version=ref.version)
    assert stale_repositories(Scope()) == [repository.pk]


def test_looks_are_claimed_once_and_one_that_is_asked_for_meanwhile_is_due_again() -> None:
    repository = shop.declare()
    now = timezone.now()
    assert heads.claim("r", now, shop.LEASE, Scope(), limit=5) == [repository]
    assert heads.claim("r", now, shop.LEASE, Scope(), limit=5) == []
    heads.ask([repository], now)
    assert heads.claim("r", now, shop.LEASE, Scope(), limit=5) == [], "it still goes on"
    shop.look(repository, live="one")
    assert heads.claim("r", now, shop.LEASE, Scope(), limit=5) == [repository]


def test_a_look_that_failed_is_repeated_later_each_time() -> None:
    repository = shop.declare()
    waits = []
    for _ in range(4):
        now = timezone.now()
        heads.ask([repository], now)
        (row,) = heads.claim("r", now, shop.LEASE, Scope(), limit=5)
        heads.record_failure(row, "no answer", now)
        repository.refresh_from_db()
        waits.append(round((repository.next_look_at - now).total_seconds()))
    assert waits == [5, 10, 20, 40]
    assert repository.look_error == "no answer"


def test_a_look_that_failed_is_repeated_no_later_than_a_regular_one_would_come() -> None:
    repository = shop.declare()
    Repository.objects.update(poll=60, look_failures=30, next_look_at=timezone.now() + timedelta(hours=1))
    now = timezone.now()
    heads.record_failure(repository, "no answer", now)
    repository.refresh_from_db()
    assert repository.next_look_at == now + timedelta(seconds=60)


def test_of_those_that_failed_for_one_reason_the_first_that_is_seen_again_has_the_others_looked_at() -> None:
    repository = shop.declare()
    now = timezone.now()
    later = now + timedelta(minutes=5)
    fields = {"source": repository.source, "flavour": repository.flavour, "next_look_at": later, "look_failures": 3}
    alike = factories.make_repository("acme/alike", look_error="no network", **fields)
    other = factories.make_repository("acme/other", look_error="no such repository", **fields)
    Repository.objects.filter(pk=repository.pk).update(look_error="no network", look_failures=3)
    shop.look(repository, live="one")
    alike.refresh_from_db()
    other.refresh_from_db()
    assert alike.next_look_at < later
    assert other.next_look_at == later


def test_of_a_repository_that_was_never_seen_nobody_says_that_it_has_no_such_branch() -> None:
    repository = shop.declare()
    heads.record_failure(repository, "no network", timezone.now())
    shop.settle(repository)
    assert shop.service().reason.startswith("waits for a first look at acme/shop, ")
    shop.look(repository)
    shop.settle(repository)
    assert shop.service().reason == "waits for branch live: acme/shop has none of that name; push one to deploy"
