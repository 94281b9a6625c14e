"""Commits, refs, comparisons and the history of deployments: what the pages tell, and what they refuse to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from core.models import Deployment, Flavour, Release, ReleaseChanges, Repository, Service
from core.queries import deployments
from core.services import changes, holds
from core.services.scope import Scope
from core.values import Changes, Commit
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def ann(client: Client) -> User:
    user = factories.make_user("ann")
    Flavour.objects.update(admins=["ann"])
    client.force_login(user)
    return user


@pytest.fixture
def repository() -> Repository:
    """A repository whose service ran three commits; what came with each was told by its source."""
    repository = shop.declare()
    for commit in ("one", "two", "three"):
        shop.look(repository, live=commit)
        shop.run_all(repository)
    for row in changes.claim(timezone.now(), timedelta(minutes=1), Scope("acme"), limit=10):
        told = Commit(hash=row.release.commit.hash, message=f"{row.release.commit.message} {EVIL}", author=EVIL)
        changes.record(row, Changes(commits=(told,)))
    return repository


def page(client: Client, path: str) -> str:
    answer = client.get(path, follow=True)
    assert answer.status_code == 200, path
    text = str(answer.content.decode())
    assert EVIL not in text
    return text


def release(commit: str) -> Release:
    return Release.objects.select_related("commit").get(commit__hash=shop.hash_of(commit))


def test_a_commit_tells_its_builds_its_check_and_what_it_deploys(
    client: Client, repository: Repository, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    shop.look(repository, live="three", topic="bad")
    shop.run_all(repository, build="it does not compile")
    row = repository.commits.get(hash=shop.hash_of("bad"))
    with django_assert_max_num_queries(30):
        text = page(client, f"/commits/{row.pk}/")
    for words in ("deployability: failure", "it does not compile", "If it were pushed to live", "topic"):
        assert words in text
    assert page(client, f"/repositories/{repository.pk}/commits/{row.hash[:7]}") == text
    live = page(client, f"/refs/{repository.refs.get(name='refs/heads/live').pk}/")
    assert "It is the head of live" in live
    assert "No branch and no pull request points to it" in page(client, f"/commits/{release('one').commit_id}/")


def test_what_changed_between_any_two_releases_is_told_either_way_round(client: Client, repository: Repository) -> None:
    first, last = release("one"), release("three")
    path = f"/targets/{first.target_id}/compare"
    forward = page(client, f"{path}?from={first.pk}&to={last.pk}")
    assert "Commit three" in forward
    assert "Commit two" in forward
    assert "Commit one" not in forward.partition("<h2>")[2]
    assert "Commits taken back" in page(client, f"{path}?from={last.pk}&to={first.pk}")
    for query in ("?from=x&to=1", f"?from={first.pk}&to=999999", f"?from={first.pk}&to=%00"):
        assert client.get(path + query).status_code == 404


def test_only_who_may_is_offered_the_way_back(client: Client, repository: Repository) -> None:
    path = f"/deployments/{release('one').deployments.get().pk}/"
    assert "roll back to this" not in page(client, path)
    client.force_login(factories.make_user("root", is_superuser=True))
    assert "roll back to this" in page(client, path)


def test_the_api_tells_what_these_pages_tell(client: Client, repository: Repository) -> None:
    shop.look(repository, live="three", topic="bad")
    shop.run_all(repository, build="it does not compile")
    report = client.get(f"/api/commits/{repository.commits.get(hash=shop.hash_of('bad')).pk}/report").json()
    assert report["check"]["state"] == "failure"
    assert {line["why"] for line in report["lines"]} == {"it does not compile"}
    assert [(each["how"], each["now"]) for each in report["reaches"]] == [("If it were pushed to live", False)]
    first, last = release("one"), release("three")
    told = client.get(f"/api/releases/{last.pk}/changes", {"since": first.pk}).json()
    assert [each["hash"] for each in told["commits"]] == [shop.hash_of("three"), shop.hash_of("two")]
    assert len(client.get(f"/api/releases/{last.pk}/changes").json()["commits"]) == 1
    for query in ({}, {"since": 999999}):
        assert client.get(f"/api/releases/{first.pk}/changes", query).status_code == 404


def test_what_cannot_be_told_is_said_and_asked_again(client: Client, repository: Repository) -> None:
    last = release("three")
    row = ReleaseChanges.objects.get(release=last)
    ReleaseChanges.objects.update(known=False, commits=[])
    changes.failed(row, "no route to host", timezone.now(), for_good=False)
    assert "asked, again: no route to host" in page(client, f"/releases/{last.pk}/")
    changes.failed(row, "commit one exists no more", timezone.now(), for_good=True)
    assert "commit one exists no more" in page(client, f"/releases/{last.pk}/")
    ReleaseChanges.objects.all().delete()
    path = f"/targets/{last.target_id}/compare?from={release('one').pk}&to={last.pk}"
    assert "was not written down" in page(client, path)


def test_what_is_confirmed_on_a_page_that_was_overtaken_is_not_done(
    client: Client, repository: Repository, ann: User
) -> None:
    path = f"/services/{Service.objects.get().pk}/rollback/{release('one').pk}"
    text = page(client, path)
    assert "Commit two" in text
    assert "taken back" in text
    standing = text.partition('name="standing" value="')[2].partition('"')[0]
    shop.look(repository, live="four")
    shop.run_all(repository)
    answer = client.post(path, {"standing": standing}, follow=True).content.decode()
    assert "has moved on since you were asked: nothing was done" in answer
    assert not Service.objects.get().rollbacks.exists()
    newer = answer.partition('name="standing" value="')[2].partition('"')[0]
    client.post(path, {"standing": newer, "reason": "slow"})
    shop.run_all(repository)
    assert shop.live() == "one"
    past = deployments.pasts(deployments.rows()[:1])[0]
    assert (past.who, past.why, past.deployment.asked_why) == ("ann", "rollback", "slow")


def test_a_paused_service_waits_for_its_branch_and_obeys_people(
    client: Client, repository: Repository, ann: User
) -> None:
    service = Service.objects.get()
    client.post(f"/services/{service.pk}/pause")
    assert "Paused by ann." in page(client, f"/services/{service.pk}/")
    client.post(f"/services/{service.pk}/redeploy")
    shop.run_all(repository)
    assert Deployment.objects.filter(asked_by=ann, job__state="succeeded").exists()
    shop.look(repository, live="four")
    shop.run_all(repository)
    assert shop.live() == "three"
    client.post(f"/services/{service.pk}/rollback/{release('one').pk}")
    shop.run_all(repository)
    assert shop.live() == "one"
    client.post(f"/services/{service.pk}/follow")
    shop.settle(repository)
    client.post(f"/services/{service.pk}/unpause")
    shop.run_all(repository)
    assert shop.live() == "four"
    assert "Paused by ann" in page(client, f"/deployments/{service.deployments.first().pk}/"), "what held it is told"


def test_a_pause_and_a_lock_are_each_lifted_alone(repository: Repository, ann: User) -> None:
    service = Service.objects.get()
    pause, lock = holds.pause(service, ann), holds.lock(service, ann, reason="x")
    assert holds.in_force(timezone.now()).all_of(service) == [lock, pause]
    holds.lift(lock, ann)
    assert holds.in_force(timezone.now()).of(service) == pause


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?outcome=failed", 0),
        ("?flavour=acme&outcome=succeeded", 3),
        ("?person=nobody-of-that-name", 0),
        ("?from=2020-01-01&to=2020-01-02", 0),
        ("?from=2020-01-01", 3),
        ("?service=x&page=-1&to=nonsense&person=%00", 3),
    ],
)
def test_the_history_is_filtered_at_a_fixed_cost(
    client: Client,
    repository: Repository,
    django_assert_max_num_queries: Callable[[int], Any],
    query: str,
    count: int,
) -> None:
    with django_assert_max_num_queries(15):
        assert page(client, f"/deployments/{query}").count('<a href="/deployments/') == count + 1


def test_a_release_is_compared_with_the_one_before_it_once(repository: Repository) -> None:
    last = release("three")
    changes.follow_up(last)
    assert ReleaseChanges.objects.get(release=last).previous == release("two")
    assert ReleaseChanges.objects.count() == 2
    assert changes.claim(timezone.now(), timedelta(minutes=1), Scope(), limit=10) == []
