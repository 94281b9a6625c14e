"""Somebody changes services of a real swarm by hand: one is healed, one is put right by whoever is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.docker_real import BASE, RealEngine, RealRegistry, engine, plain_registry, unique, web_dockerfile
from tests.e2e.harness import Pipeline
from tests.plugins.docker_swarm.world import World

__all__ = ["engine", "plain_registry"]

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
services = [
    Service("healed", Use("docker_swarm", service="{healed}"), host="{host}", drift="heal"),
    Service("asked", Use("docker_swarm", service="{asked}"), host="{host}"),
]
recipe = Recipe("web", Use("docker"), platforms=[here], targets=[Target("live", "{image}:live", services)])
repository = Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)
flavour = Flavour("acme", [repository], notifiers=[Use("mail", to=["ann@example.org"])])
"""


@pytest.fixture
def worlds(engine: RealEngine, plain_registry: RealRegistry) -> Iterator[list[World]]:
    image = f"{plain_registry.name}/{unique('web')}"
    made = [World(engine, plain_registry, unique("web"), image) for _ in range(2)]
    for world in made:
        world.create()
    yield made
    for world in made:
        world.remove()


def look(pipeline: Pipeline) -> None:
    """Have every service looked at now, as the schedule does."""
    done = pipeline.command("shell", "-c", "from core.engine.schedules import observe_services; observe_services()")
    assert done.returncode == 0, done.stderr


def drift(pipeline: Pipeline) -> dict[str, tuple[str, str]]:
    """Of each service its state and what it runs, as it was seen."""
    return {
        name: (status, seen)
        for name, status, seen in pipeline.query("select name, status, observed_digest from core_service")
    }


def repairs(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    return pipeline.query(
        "select s.name, j.state, coalesce(u.username, '') from core_deployment d join core_service s on s.id = d.service_id"
        " join core_job j on j.id = d.job_id left join auth_user u on u.id = d.asked_by_id where d.drift != '' order by d.id"
    )


def test_what_was_changed_by_hand_is_healed_or_asked_about(
    make_pipeline: Callable[[str], Pipeline], worlds: list[World]
) -> None:
    healed, asked = worlds
    names = {"{healed}": healed.name, "{asked}": asked.name, "{host}": healed.engine.url, "{image}": healed.image}
    text = FLAVOUR
    for word, name in names.items():
        text = text.replace(word, name)
    pipeline = make_pipeline(text)
    pipeline.environment["DOCKER_HOST"] = healed.engine.url
    pipeline.start()
    pipeline.work.write("Dockerfile", web_dockerfile("hello"))
    pipeline.work.commit("First")
    pipeline.work.push("main:live")
    pipeline.until(lambda: {status for status, _ in drift(pipeline).values()} == {"done"}, seconds=120)
    right = healed.digest
    assert asked.digest == right != ""
    for world in worlds:
        world.engine.cli("service", "update", "--detach", "--image", BASE, "--replicas", "2", world.name)
    look(pipeline)
    pipeline.until(lambda: ("healed", "succeeded", "") in repairs(pipeline), seconds=120)
    assert healed.digest == right
    assert healed.service.attrs["Spec"]["Mode"]["Replicated"]["Replicas"] == 1
    told = "select count(*) from core_message where key like 'notify:service-%-drift-%'"
    pipeline.until(lambda: pipeline.query(told) == [(1,)])
    listed = requests.get(f"http://127.0.0.1:{pipeline.port}/api/services", timeout=60).json()
    shown = {each["name"]: each for each in listed["items"]}
    assert shown["asked"]["drift"] == "scaled from 1 to 2"
    assert "until somebody puts it right" in shown["asked"]["drift_outlook"]
    assert (shown["healed"]["drift"], shown["healed"]["drift_policy"]) == ("", "heal")
    assert asked.digest != right
    done = pipeline.command("put_right", "asked", "--reason", "it was me")
    assert done.returncode == 0, done.stderr
    pipeline.until(lambda: repairs(pipeline)[-1][:2] == ("asked", "succeeded"), seconds=120)
    assert repairs(pipeline)[-1][2], "who asked is on record"
    assert asked.digest == right
    assert pipeline.query(told) == [(1,)], "it was told once"
    assert len(repairs(pipeline)) == 2
