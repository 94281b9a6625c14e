"""What everybody may read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Service
from core.states import JobKind, JobState, Level, Purpose
from tests import factories

pytestmark = pytest.mark.django_db

LISTS = ("flavours", "repositories", "services", "builds", "releases", "deployments", "jobs", "plugins")


def make_one_of_each():
    service = factories.make_service()
    deployment = factories.make_deployment(service=service)
    factories.make_ref(commit=deployment.release.commit)
    build = factories.make_build(target=service.target, commit=deployment.release.commit)
    factories.make_job(build=build)
    factories.make_job(JobKind.RELEASE, release=factories.make_release(target=service.target))
    factories.make_rollback(service=service, release=deployment.release)
    return service


@pytest.mark.parametrize("path", LISTS)
def test_everybody_reads_every_list(path, anybody):
    make_one_of_each()
    answer = anybody.get(path)
    assert answer.status_code == 200
    assert answer.json()


@pytest.mark.parametrize("path", LISTS)
def test_a_list_of_many_costs_as_many_queries_as_a_list_of_few(path, anybody):
    make_one_of_each()
    with CaptureQueriesContext(connection) as few:
        anybody.get(path)
    for _ in range(10):
        make_one_of_each()
    with CaptureQueriesContext(connection) as many:
        anybody.get(path)
    assert len(many) == len(few) <= 7


def test_a_flavour_tells_the_threshold_in_force(anybody):
    factories.make_flavour("acme", title="Acme", threshold=Level.DANGEROUS)
    factories.make_flavour("lifted", threshold=Level.AVERAGE, threshold_lifts_at=timezone.now())
    assert anybody.get("flavours/acme").json()["threshold"] == "dangerous"
    assert anybody.get("flavours/lifted").json()["threshold"] is None


def test_repositories_can_be_filtered(anybody):
    mine, _ = factories.make_repository("acme/shop"), factories.make_repository("acme/other")
    assert [each["id"] for each in anybody.get("repositories", name="acme/shop").json()["items"]] == [mine.pk]
    assert [each["id"] for each in anybody.get("repositories", flavour=mine.flavour.name).json()["items"]] == [mine.pk]
    assert anybody.get(f"repositories/{mine.pk}").json()["flavour"] == mine.flavour.name


def test_refs_that_are_gone_are_left_out_unless_asked_for(anybody):
    here = factories.make_ref("live")
    gone = factories.make_ref("old", repository=here.repository, gone_at=timezone.now())
    path = f"repositories/{here.repository.pk}/refs"
    assert [each["short"] for each in anybody.get(path).json()["items"]] == ["live"]
    assert {each["id"] for each in anybody.get(path, gone=True).json()["items"]} == {here.pk, gone.pk}
    assert anybody.get(path).json()["items"][0]["commit"] == here.commit.hash


def test_a_service_tells_what_runs_and_why_it_is_not_further(anybody):
    service = factories.make_service("shop", status="failed", reason="it is not healthy")
    deployment = factories.make_deployment(service=service)
    factories.make_rollback(service=service, release=deployment.release, reason="it leaks")
    Service.objects.update(observed_digest="sha256:other", observed_at=timezone.now())
    seen = anybody.get(f"services/{service.pk}").json()
    assert (seen["status"], seen["reason"], bool(seen["drift"])) == ("failed", "it is not healthy", True)
    assert seen["runs"]["digest"] == deployment.release.digest
    assert seen["rollback"]["reason"] == "it leaks"
    assert anybody.get("services", repository=seen["repository"]).json() == {"items": [seen], "next": None}


def test_builds_are_found_by_repository_commit_and_purpose(anybody):
    build = factories.make_build()
    factories.make_build(target=factories.make_target())
    factories.make_job(state=JobState.FAILED, build=build, reason="make failed")
    for filter in (
        {"repository": build.recipe.repository.name},
        {"commit": build.commit.hash},
        {"purpose": Purpose.CHECK.value},
    ):
        [found] = anybody.get("builds", **filter).json()["items"]
        assert (found["id"], found["state"], found["reason"]) == (build.pk, "failed", "make failed")
    assert anybody.get(f"builds/{build.pk}").json()["recipe"] == "web"


def test_releases_of_a_service_are_what_it_can_go_back_to(anybody):
    service = factories.make_service()
    mine = factories.make_release(target=service.target)
    factories.make_release(target=service.target, digest="")
    factories.make_release()
    found = anybody.get("releases", service=service.pk, published=True).json()["items"]
    assert [each["id"] for each in found] == [mine.pk]
    assert [each["id"] for each in anybody.get("releases", digest=mine.digest).json()["items"]] == [mine.pk]
    assert anybody.get(f"releases/{mine.pk}").json()["branch"] == "live"


def test_a_service_tells_how_those_of_its_target_move(anybody):
    target = factories.make_target(rollout="canary", soak=60)
    last, first = (factories.make_service(name, target=target, position=n) for name, n in (("a", 2), ("b", 1)))
    told = {each["id"]: each for each in anybody.get("services").json()["items"]}
    assert [told[row.pk]["position"] for row in (first, last)] == [1, 2]
    assert (told[first.pk]["rollout"], told[first.pk]["soak"]) == ("canary", 60)


def test_a_deployment_tells_the_digest_that_its_release_had_then(anybody):
    deployment = factories.make_deployment(digest="sha256:then")
    assert anybody.get(f"deployments/{deployment.pk}").json()["digest"] == "sha256:then"
    assert anybody.get(f"services/{deployment.service.pk}").json()["runs"]["digest"] == "sha256:then"


def test_deployments_are_found_by_service_and_state(anybody):
    deployment = factories.make_deployment()
    factories.make_deployment(state=JobState.FAILED)
    assert [each["id"] for each in anybody.get("deployments", state="succeeded").json()["items"]] == [deployment.pk]
    [found] = anybody.get("deployments", service=deployment.service.pk).json()["items"]
    assert found == anybody.get(f"deployments/{deployment.pk}").json()
    assert (found["job"], found["digest"]) == (deployment.job.pk, deployment.release.digest)


def test_plugins_tell_what_they_offer(anybody, dummy):
    found = {each["name"]: each for each in anybody.get("plugins").json()}
    assert found["dummy"]["offers"]["builders"] == ["dummy"]
    assert found["git"]["offers"]["sources"] == ["git"]


def test_the_description_names_every_address(anybody):
    paths = anybody.get("openapi.json").json()["paths"]
    assert "/api/jobs/{id}/log" in paths
    assert not any("address" in path for path in paths)
    for methods in paths.values():
        for operation in methods.values():
            assert operation["summary"]


def everything(api: Any, path: str, **query: Any) -> list[Any]:
    """All of a list, two at a time, as every list is read."""
    found, before = [], {}
    while True:
        answer = api.get(path, limit=2, **query, **before).json()
        assert len(answer["items"]) <= 2
        found += answer["items"]
        if answer["next"] is None:
            return found
        before = {"before": answer["next"]}


def test_lists_by_name_are_read_in_parts_as_all_others_are(anybody):
    for name in ("b", "c", "a", "e", "d"):
        repository = factories.make_repository(f"acme/{name}", flavour=factories.make_flavour(name))
        factories.make_target(recipe=factories.make_recipe(repository=repository))
        for host in ("x", "y"):
            target = repository.recipes.get().targets.get()
            factories.make_service("shop", host=f"{host}-{name}", target=target)
    other = factories.make_repository("acme/c", flavour=factories.make_flavour("f"))
    assert [each["name"] for each in everything(anybody, "flavours")] == ["a", "b", "c", "d", "e", "f"]
    found = everything(anybody, "repositories")
    assert [each["name"] for each in found] == [f"acme/{name}" for name in "abccde"]
    assert len({each["id"] for each in found}) == 6
    assert [each["id"] for each in everything(anybody, "repositories", flavour="f")] == [other.pk]
    services = [each["host"] for each in everything(anybody, "services")]
    assert services == [f"{host}-{name}" for name in "abcde" for host in "xy"]


def test_a_list_goes_on_although_what_it_stopped_at_was_retired_and_says_where_it_cannot(anybody, is_problem):
    rows = [factories.make_flavour(name) for name in ("a", "b", "c")]
    next = anybody.get("flavours", limit=2).json()["next"]
    assert next == rows[1].pk
    type(rows[1]).objects.filter(pk=next).update(retired_at=timezone.now())
    assert [each["name"] for each in anybody.get("flavours", before=next).json()["items"]] == ["c"]
    assert is_problem(anybody.get("flavours", before=10**6), 404, "begin anew")


def test_one_ref_is_told_and_refs_are_found_by_a_word(anybody, is_problem):
    live = factories.make_ref("live")
    topic = factories.make_ref("topic/mend-it", repository=live.repository)
    asked = factories.make_ref("refs/pull/7/head", repository=live.repository, title="Mend the cart")
    path = f"repositories/{live.repository.pk}/refs"
    assert {each["id"] for each in anybody.get(path, q="MEND").json()["items"]} == {topic.pk, asked.pk}
    assert anybody.get(path, q="nothing").json() == {"items": [], "next": None}
    told = anybody.get(f"refs/{asked.pk}").json()
    assert (told["title"], told["repository"]) == ("Mend the cart", live.repository.name)
    assert told == anybody.get(path, q="cart").json()["items"][0]
    assert is_problem(anybody.get("refs/999999"), 404, "no such ref")
    assert is_problem(anybody.get(path, q="\0"), 422, "q")
