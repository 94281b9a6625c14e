"""Diagrams on pages, alone and in the API: what is open, what they cost, and who is told that nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.utils import timezone

from core.models import Flavour, Job, Repository, Service
from core.services import heads
from core.states import Health, JobState, Level, Purpose
from tests import factories
from tests.core import shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def repository() -> Repository:
    """A repository whose service runs its newest commit."""
    repository = shop.declare()
    shop.look(repository, live="one")
    shop.run_all(repository)
    return repository


def states(client: Client) -> dict[str, str]:
    (graph,) = client.get("/api/flavours/acme/graph").json()
    return {node["id"].partition(":")[0]: node["state"] for node in graph["nodes"]}


def test_a_page_shows_what_is_done_and_what_is_on_its_way(client: Client, repository: Repository) -> None:
    assert set(states(client).values()) == {"done"}
    shop.look(repository, live="two")
    shop.settle(repository)
    assert states(client) == {"commit": "waiting", "build": "waiting", "release": "blocked", "service": "blocked"}
    shop.run_all(repository, build="it does not build")
    assert states(client)["build"] == "failed"
    text = client.get(f"/repositories/{repository.pk}/").content.decode()
    assert "release build of web on linux/amd64: failed. It does not build" in text
    assert f'href="/jobs/{Job.objects.get(state=JobState.FAILED).pk}/"' in text


def test_a_job_that_waits_says_in_the_diagram_what_for(client: Client, repository: Repository) -> None:
    Flavour.objects.update(threshold=Level.HARMLESS)
    shop.look(repository, live="two")
    shop.settle(repository)
    assert b"Waits for approval" in client.get(f"/repositories/{repository.pk}/").content


def test_a_service_that_is_not_well_is_no_success(client: Client, repository: Repository) -> None:
    Service.objects.update(observed_health=Health.UNHEALTHY, observed_at=timezone.now())
    assert states(client)["service"] == "unwell"


def test_a_branch_without_a_target_is_shown_while_it_is_broken(client: Client, repository: Repository) -> None:
    shop.look(repository, live="one", topic="three", other="four")
    shop.run_all(repository)
    path = f"/api/repositories/{repository.pk}/graph"
    assert [node["label"] for node in client.get(path).json()["nodes"]][-1] == "+ 2 other refs"
    job = Job.objects.get(build__purpose=Purpose.CHECK, commit__hash=shop.hash_of("three"))
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, reason="no space")
    graph = client.get(path).json()
    assert f"/repositories/{repository.pk}/?q=topic" in [node["page"] for node in graph["nodes"]]
    assert graph["state"] == "failed"
    assert [node["label"] for node in graph["nodes"] if node["kind"] in ("commit", "more")] == [
        "live",
        "topic",
        "+ 1 other ref",
    ]
    assert {edge["after"] for edge in graph["edges"]} < {node["id"] for node in graph["nodes"]}


def test_a_flavour_opens_what_moves_or_is_broken_and_what_somebody_asks_for(
    client: Client, repository: Repository
) -> None:
    def is_open(query: str = "") -> bool:
        page, picture = (client.get(f"/flavours/acme/{each}{query}").content for each in ("", "diagram.svg"))
        found = [b'aria-expanded="true"' in each for each in (page, picture)]
        assert found[0] == found[1]
        return found[0]

    assert not is_open()
    assert is_open(f"?open=7,{repository.pk}")
    assert is_open("?open=all")
    shop.look(repository, live="two")
    shop.settle(repository)
    assert is_open()
    assert not is_open(f"?closed={repository.pk}")
    assert not is_open("?closed=all")
    assert b"&lt;x&gt;" not in client.get("/flavours/acme/?open=<x>").content.replace(b"%3Cx%3E", b"")


def test_a_source_that_does_not_answer_is_told_in_the_line_of_its_repository(
    client: Client, repository: Repository
) -> None:
    heads.record_failure(repository, "no route to <host>", timezone.now())
    text = client.get("/flavours/acme/").content.decode()
    assert "it could not be looked at: no route to &lt;host&gt;" in text
    assert 'aria-expanded="false"' in text


@pytest.mark.parametrize("path", ["/repositories/{}/diagram.svg", "/flavours/acme/diagram.svg"])
def test_a_picture_alone_is_sent_again_only_when_it_is_another(
    client: Client, repository: Repository, path: str
) -> None:
    path = path.format(repository.pk)
    answer = client.get(path)
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert ET.fromstring(answer.content).get("class") == "diagram alone"
    assert b"/static/deployer/diagram.css" in answer.content
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    shop.look(repository, live="two")
    shop.settle(repository)
    assert client.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 200


def test_many_repositories_cost_as_many_queries_as_one(
    client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    flavour = factories.make_flavour("acme")
    for number in range(8):
        repository = factories.make_repository(f"acme/{number}", flavour=flavour)
        target = factories.make_target(recipe=factories.make_recipe(repository=repository))
        factories.make_service(target=target)
        factories.make_deployment(service=factories.make_service(target=target))
        commit = factories.make_ref("live", repository=repository).commit
        job = factories.make_job(build=factories.make_build(recipe=target.recipe, commit=commit))
        factories.make_ref(f"topic-{job.pk}", commit=factories.make_commit(repository=repository))
    for path in ("/flavours/acme/", "/flavours/acme/diagram.svg", "/api/flavours/acme/graph"):
        with django_assert_max_num_queries(25):
            assert client.get(path).status_code == 200


def test_a_retired_repository_asks_for_nothing(client: Client, repository: Repository) -> None:
    Repository.objects.update(retired_at=timezone.now())
    assert b"svg class" not in client.get(f"/repositories/{repository.pk}/").content
    assert client.get("/api/flavours/acme/graph").json() == []
    assert client.get("/flavours/nobody/").status_code == 404
    assert client.get("/api/flavours/nobody/graph").status_code == 404
