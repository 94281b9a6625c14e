"""From a push to a live service, built on a cluster: real git, real registry, real swarm, the real protocol."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from tests.containers.registry.images import file, layer
from tests.docker_real import BASE, RealEngine, RealRegistry, busybox_tree, engine, plain_registry, unique
from tests.e2e.harness import Pipeline
from tests.ocluster_server.fixtures import scheduler
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler
from tests.plugins.albatross.authority import Authority
from tests.plugins.albatross.endpoint import Endpoint
from tests.unikernels.factory import unikernel

__all__ = ["engine", "plain_registry", "scheduler"]

SWARM = """
from core.api import Flavour, Recipe, Repository, Service, Target, Use

target = Target("live", "{registry}/{name}:live", [Service("{name}", Use("docker_swarm"))])
recipe = Recipe("web", Use("ocluster"), platforms=["linux/amd64", "linux/arm64"], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)])
"""
UNIKERNEL = """
from core.api import Flavour, Recipe, Repository, Service, Target, Use

host = Service("hello", Use("albatross", settle=0.3), host="{host}")
target = Target("live", "{registry}/{name}:live", [host])
recipe = Recipe("unikernel", Use("mirage", target="hvt"), platforms=["linux/amd64"], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)])
"""


@pytest.fixture
def name() -> str:
    return unique("shop")


@pytest.fixture
def declared(
    make_pipeline: Callable[[str], Pipeline],
    scheduler: Scheduler,
    plain_registry: RealRegistry,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Pipeline]:
    """A pipeline that builds on the cluster, its first version on the branch `live`."""

    def declare(flavour: str, **facts: str) -> Pipeline:
        monkeypatch.setenv("DEPLOYER_OCLUSTER_SUBMISSION", str(scheduler.capability_file))
        monkeypatch.setenv("DEPLOYER_OCLUSTER_ADMIN", str(scheduler.admin_file))
        monkeypatch.setenv("DEPLOYER_OCLUSTER_STAGING", f"{plain_registry.name}/staging")
        monkeypatch.setenv("DEPLOYER_SECRET_OCLUSTER_STAGING", "ann:sesame-open-yourself")
        for word, value in {"registry": plain_registry.name, "name": name, **facts}.items():
            flavour = flavour.replace(f"{{{word}}}", value)
        pipeline = make_pipeline(flavour)
        push(pipeline, "one")
        return pipeline

    return declare


@pytest.fixture
def service(engine: RealEngine, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A service of the swarm that waits for its first release."""
    monkeypatch.setenv("DOCKER_HOST", engine.url)
    engine.cli("service", "create", "--detach", "--name", name, BASE)
    yield name
    engine.cli("service", "rm", name, check=False)


def push(pipeline: Pipeline, word: str) -> str:
    pipeline.work.write("Dockerfile", f"FROM base\nRUN echo {word}\n")
    commit = pipeline.work.commit(word)
    pipeline.work.push("main:live")
    return commit


def test_a_push_is_built_on_two_platforms_and_the_service_follows_by_the_index(
    declared: Callable[..., Pipeline], scheduler: Scheduler, engine: RealEngine, service: str
) -> None:
    scheduler.script(layer=busybox_tree(), command=("sleep", "3153600"))
    pipeline = declared(SWARM)
    pipeline.start()
    first = pipeline.until(pipeline.live_commit, seconds=90)
    [(digest,)] = pipeline.query("select digest from core_release")
    specification = engine.client().services.get(service).attrs["Spec"]
    assert digest in specification["TaskTemplate"]["ContainerSpec"]["Image"]
    assert sorted(job.pool for job in scheduler.jobs()) == ["linux-arm64", "linux-x86_64"]
    assert {job.description.commits for job in scheduler.jobs()} == {(first,)}

    scheduler.pause_workers()
    second = push(pipeline, "two")
    pipeline.until(
        lambda: any(
            "Waits for a worker of pool linux-arm64" in reason and "arm-1 is paused" in reason
            for *_, reason, _ in pipeline.jobs()
        )
    )
    scheduler.script(layer=busybox_tree(), command=("sleep", "3153600"), hangs=True)
    scheduler.resume_workers()
    scheduler.wait(lambda jobs: sum(job.state is State.RUNNING for job in jobs) == 2)
    followers = pipeline.processes("ocluster.follower")
    scheduler.script(layer=busybox_tree(), command=("sleep", "3153600"))
    for process in followers:
        os.kill(process, signal.SIGKILL)
    pipeline.until(lambda: pipeline.live_commit() == second, seconds=90)
    assert pipeline.stop() == 0
    assert pipeline.processes("ocluster.follower") == []


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A host of unikernels that knows us."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    credentials = authority.user()
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_CERTIFICATE", credentials.chain_pem)
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_KEY", credentials.key_pem)
    monkeypatch.setenv("DEPLOYER_SECRET_ALBATROSS_SERVER_CA", authority.root_pem)
    with Endpoint(authority) as running:
        yield running


def test_a_push_becomes_a_unikernel_and_one_that_crashes_is_put_back(
    declared: Callable[..., Pipeline], scheduler: Scheduler, endpoint: Endpoint
) -> None:
    scheduler.script(layer=layer(file("unikernel.hvt", unikernel("hvt", content="one"))))
    pipeline = declared(UNIKERNEL, host=f"{endpoint.host}:{endpoint.port}")
    pipeline.start()
    first = pipeline.until(pipeline.live_commit)
    [runs] = endpoint.unikernels.values()
    former = runs.digest
    assert runs.running

    scheduler.script(layer=layer(file("unikernel.hvt", unikernel("hvt", content="crash"))))
    push(pipeline, "two")
    pipeline.until(lambda: any(state == "failed" for _, _, state, _, _ in pipeline.jobs()))
    [runs] = endpoint.unikernels.values()
    assert (runs.running, runs.digest) == (True, former)
    assert pipeline.live_commit() == first

    scheduler.script(layer=layer(file("unikernel.hvt", unikernel("hvt", content="three"))))
    third = push(pipeline, "three")
    pipeline.until(lambda: pipeline.live_commit() == third)
    [runs] = endpoint.unikernels.values()
    assert runs.running
    assert runs.digest != former
    assert pipeline.stop() == 0
