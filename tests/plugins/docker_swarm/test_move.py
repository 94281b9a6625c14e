"""What goes wrong in a move, on a real swarm: each ends in a state that is told, and is where it should be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from docker.types import Healthcheck

from containers.credentials import secret_name
from containers.engine import connect
from containers.tunnels import close_tunnels
from core.api import DeploymentFailed, DeployRequest, Health, OperationError, Release, Stalled, Waiting
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.docker_swarm import move
from plugins.docker_swarm.client import Swarm, SwarmService
from plugins.docker_swarm.deployer import DockerSwarmDeployer
from plugins.docker_swarm.memory import Memory
from plugins.docker_swarm.tasks import Task
from tests.docker_real import BASE, RealEngine, RealRegistry, another_engine, kill, start_again, unique
from tests.e2e.harness import free_port
from tests.plugins.docker_swarm.world import SECOND, World, published_port


@pytest.fixture(autouse=True)
def _settles_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(move, "SETTLE", 5)


async def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        await asyncio.sleep(0.1)


async def fails(
    world: World, release: Release, tmp_path: Path, **options: Any
) -> tuple[DeploymentFailed, RecordingLog]:
    """Deploy what cannot be deployed."""
    log = RecordingLog()
    with pytest.raises(DeploymentFailed) as failure:
        await world.deploy(release, tmp_path, log=log, **options)
    return failure.value, log


# Bad releases


@pytest.mark.parametrize("action", ["pause", "rollback", "continue"])
async def test_a_release_that_crashes_is_rolled_back_by_the_services_policy_or_ours(
    world: World, tmp_path: Path, action: str
) -> None:
    good, bad = world.release("good"), world.broken("echo the database is not there; exit 7")
    world.create(replicas=2, action=action)
    await world.deploy(good, tmp_path)
    error, log = await fails(world, bad, tmp_path, timeout=60)
    assert error.running == good.digest
    assert world.digest == good.digest
    assert world.running() == [good.digest] * 2
    assert "exit code 7" in str(error), log.text
    assert "rolled back and runs" in str(error)
    assert "the database is not there" in log.text, "what the container printed is in the job's log"


async def test_a_failed_health_check_leaves_its_answer_in_the_log(world: World, tmp_path: Path) -> None:
    good, bad = world.release("good"), world.release("bad", healthy=False)
    world.create()
    await world.deploy(good, tmp_path)
    error, log = await fails(world, bad, tmp_path, timeout=60)
    assert "; its health check answered: " in str(error)
    assert "404 Not Found" in log.text, "the health check's own answer"
    assert f"health check of {world.name}.1 failed (exit code 1)" in log.text
    assert (
        "`wget -q -O - http://127.0.0.1/health` of the image, every 1 s, 1 s each, 2 in a row, after 1 s to start"
        in log.text
    )
    assert world.running() == [good.digest]


async def test_a_service_that_starts_slowly_is_waited_for(world: World, tmp_path: Path) -> None:
    slow = world.broken("sleep 4; echo fine > /www/health; exec busybox httpd -f -p 80 -h /www")
    check = Healthcheck(
        test=["CMD-SHELL", "wget -q -O - http://127.0.0.1/health"],
        interval=SECOND,
        timeout=SECOND,
        retries=1,
        start_period=20 * SECOND,
    )
    world.create(healthcheck=check)
    log = await world.deploy(slow, tmp_path, timeout=60)
    assert world.running() == [slow.digest]
    assert "of the service" in log.text


async def test_a_move_that_takes_too_long_is_rolled_back(world: World, tmp_path: Path) -> None:
    good = world.release("good")
    never = world.broken("sleep 1000")
    check = Healthcheck(
        test=["CMD", "wget", "-q", "-O", "-", "http://127.0.0.1/"], interval=SECOND, timeout=SECOND, retries=1000
    )
    world.create(update={"failure_action": "pause"})
    await world.deploy(good, tmp_path)
    service = world.service
    service.update(healthcheck=check)
    await until(
        lambda: (world.service.attrs.get("UpdateStatus") or {}).get("State") == "completed", "the operator's change"
    )
    error, _ = await fails(world, never, tmp_path, timeout=10)
    assert "it took more than 10 s" in str(error) or "health check answered" in str(error)
    assert error.running == good.digest
    assert world.digest == good.digest


async def test_a_task_that_finds_no_node_is_told_with_the_engines_reason_and_rolled_back(
    world: World, tmp_path: Path
) -> None:
    """A port on the host, one task, start-first: the new one can never start beside the old."""
    release = world.release("one")
    world.create(endpoint_spec=published_port(free_port(), host=True))
    told = asyncio.Event()
    log = RecordingLog(
        lambda line: told.set() if "cannot be placed: no suitable node (host-mode port already in use" in line else None
    )
    moving = asyncio.create_task(world.deploy(release, tmp_path, log=log, schedule_timeout=3))
    await asyncio.wait_for(told.wait(), 10)
    with pytest.raises(DeploymentFailed) as failure:
        await moving
    assert "no suitable node" in str(failure.value)
    assert failure.value.running is None
    assert world.running() == [""], "what ran before runs on"


async def test_without_rollback_it_stays_half_way_and_says_so(world: World, tmp_path: Path) -> None:
    good, bad = world.release("good"), world.broken("exit 3")
    world.create(replicas=2)
    await world.deploy(good, tmp_path)
    error, _ = await fails(world, bad, tmp_path, rollback=False)
    assert "stays half-way, as the option `rollback` is off" in str(error)
    assert world.digest == bad.digest
    seen = await DockerSwarmDeployer().observe(world.place(), tmp_path)
    assert seen.health is Health.UNHEALTHY
    assert "update paused" in seen.detail


async def test_asking_again_for_what_was_paused_tries_again(world: World, tmp_path: Path) -> None:
    good, bad = world.release("good"), world.broken("test -e /www/now || exit 3; sleep 1000")
    world.create()
    await world.deploy(good, tmp_path)
    await fails(world, bad, tmp_path, rollback=False)
    error, log = await fails(world, bad, tmp_path, previous=good)
    assert "moving it to" in log.text, "a second try is a try"
    assert error.running == good.digest


# What is not there


async def test_a_digest_that_is_gone_leaves_the_service_alone(world: World, tmp_path: Path) -> None:
    good = world.release("good")
    world.create()
    await world.deploy(good, tmp_path)
    gone = Release(image=good.image, digest="sha256:" + "ab" * 32)
    with pytest.raises(Stalled, match=r"is not in its registry any more .*build its commit again"):
        await world.deploy(gone, tmp_path)
    assert world.running() == [good.digest]


async def test_a_service_that_is_not_there_is_told_with_what_to_do(world: World, tmp_path: Path) -> None:
    release = world.release("one")
    with pytest.raises(DeploymentFailed, match=r"has no service .*docker service create --name"):
        await world.deploy(release, tmp_path)


async def test_a_service_that_is_removed_meanwhile_is_told(world: World, tmp_path: Path) -> None:
    release = world.release("one")
    world.create()
    log = RecordingLog(lambda line: world.remove() if "preparing" in line or "starting" in line else None)
    with pytest.raises(DeploymentFailed, match="was removed from the swarm while it was moved"):
        await world.deploy(release, tmp_path, log=log)


async def test_an_engine_without_a_swarm_says_so(tmp_path: Path, plain_registry: RealRegistry) -> None:
    with another_engine() as alone:
        other = World(alone, plain_registry, "web", f"{plain_registry.name}/web")
        with pytest.raises(Stalled, match="manages no swarm"):
            await other.deploy(Release(image=other.image, digest="sha256:" + "ab" * 32), tmp_path)


async def test_a_registry_that_lets_nobody_in_is_told_and_its_password_is_used(
    engine: RealEngine, closed_registry: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(engine, closed_registry, unique("web"), f"{closed_registry.name}/{unique('web')}")
    engine.cli(
        "login", "--username", closed_registry.username, "--password", closed_registry.password, closed_registry.name
    )
    release = world.release("one")
    engine.cli("logout", closed_registry.name)
    world.create()
    try:
        with pytest.raises(Stalled, match=r"does not let us pull .*put `user:password` into"):
            await world.deploy(release, tmp_path)
        given = f"{closed_registry.username}:{closed_registry.password}"
        monkeypatch.setenv(f"DEPLOYER_SECRET_{secret_name(closed_registry.name).upper()}", given)
        log = await world.deploy(release, tmp_path)
        assert world.running() == [release.digest]
        assert closed_registry.password not in log.text
    finally:
        world.remove()


async def test_credentials_go_along_to_the_nodes_that_pull(
    engine: RealEngine, closed_registry: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the pull before, the node has nothing but what the update gave it."""
    world = World(engine, closed_registry, unique("web"), f"{closed_registry.name}/{unique('web')}")
    engine.cli("login", "--username", "ann", "--password", closed_registry.password, closed_registry.name)
    first, second = world.release("one"), world.release("two")
    engine.cli("logout", closed_registry.name)
    world.create()
    try:
        error, _ = await fails(world, first, tmp_path, pull=False)
        assert "No such image" in str(error)
        given = f"ann:{closed_registry.password}"
        monkeypatch.setenv(f"DEPLOYER_SECRET_{secret_name(closed_registry.name).upper()}", given)
        await world.deploy(second, tmp_path, pull=False)
        assert world.running() == [second.digest]
    finally:
        world.remove()


# Two at once, and by hand


async def test_a_change_by_hand_at_the_same_moment_is_kept(world: World, tmp_path: Path) -> None:
    """Between reading and writing somebody else writes: the engine refuses, and it is read again."""
    release = world.release("one")
    world.create()

    def meddle(line: str) -> None:
        if line.startswith("given up after") and "owner" not in (world.service.attrs["Spec"]["Labels"] or {}):
            world.service.update(labels={"owner": "ann"})

    log = await world.deploy(release, tmp_path, log=RecordingLog(meddle))
    assert "was changed meanwhile; it is read again" in log.text
    assert world.running() == [release.digest]
    assert world.service.attrs["Spec"]["Labels"]["owner"] == "ann"


async def test_somebody_elses_move_is_told_and_not_undone(world: World, tmp_path: Path) -> None:
    one, two, three = world.release("one"), world.release("two"), world.release("three")
    world.create()
    await world.deploy(one, tmp_path)

    def meddle(line: str) -> None:
        if "starting" in line and world.digest == two.digest:
            world.service.update(image=three.reference)

    with pytest.raises(DeploymentFailed, match="somebody else moved") as failure:
        await world.deploy(two, tmp_path, log=RecordingLog(meddle))
    assert failure.value.running == three.digest
    assert world.digest == three.digest


async def test_what_the_operator_set_stays_as_it_is(world: World, tmp_path: Path) -> None:
    world.create(replicas=2, env=["COLOUR=green"], labels={"owner": "ann"}, container_labels={"tier": "web"})
    before = world.service.attrs["Spec"]
    await world.deploy(world.release("one"), tmp_path)
    after = world.service.attrs["Spec"]
    for spec in (before, after):
        spec["TaskTemplate"]["ContainerSpec"].pop("Image")
        spec["Labels"] = {name: value for name, value in spec["Labels"].items() if not name.startswith("deployer.")}
    assert after == before


# Drift


async def test_drift_is_told_in_image_scale_and_specification(world: World, tmp_path: Path) -> None:
    one, two = world.release("one"), world.release("two")
    world.create()
    await world.deploy(one, tmp_path)
    deployer, place = DockerSwarmDeployer(), world.place()
    seen = await deployer.observe(place, tmp_path)
    assert (seen.digest, seen.health, seen.drift) == (one.digest, Health.HEALTHY, "")
    assert seen.detail == "1 of 1 tasks running"
    world.engine.cli("service", "scale", "--detach", f"{world.name}=2")
    assert (await deployer.observe(place, tmp_path)).drift == "scaled from 1 to 2"
    world.engine.cli("service", "update", "--detach", "--env-add", "DEBUG=1", world.name)
    drift = (await deployer.observe(place, tmp_path)).drift
    assert "its specification was changed (TaskTemplate.ContainerSpec.Env)" in drift
    world.service.update(image=two.reference, labels={})
    await until(lambda: set(world.running()) == {two.digest}, "the other image to run")
    assert (await deployer.observe(place, tmp_path)).digest == two.digest


async def put_right(world: World, release: Release, tmp_path: Path) -> RecordingLog:
    log = RecordingLog()
    request = DeployRequest(service=world.place(), release=release, previous=release, repair=True)
    await DockerSwarmDeployer().deploy(request, attempt_context(tmp_path, log))
    return log


async def test_what_was_changed_by_hand_is_put_back(world: World, tmp_path: Path) -> None:
    one = world.release("one")
    world.create(labels={"owner": "ann"})
    await world.deploy(one, tmp_path)
    before = world.service.attrs["Spec"]
    world.engine.cli(
        "service", "update", "--detach", "--replicas", "2", "--env-add", "DEBUG=1", "--image", BASE, world.name
    )
    log = await put_right(world, one, tmp_path)
    assert world.service.attrs["Spec"] == before
    assert world.running() == [one.digest]
    assert "put back: TaskTemplate.ContainerSpec.Env\nput back: scaled from 2 to 1" in log.text
    assert (await DockerSwarmDeployer().observe(world.place(), tmp_path)).drift == ""


async def test_what_the_engine_has_forgotten_cannot_be_put_back_and_that_is_said(world: World, tmp_path: Path) -> None:
    one = world.release("one")
    world.create()
    await world.deploy(one, tmp_path)
    for word in ("A=1", "B=2"):
        world.engine.cli("service", "update", "--detach", "--env-add", word, world.name)
    world.engine.cli("service", "scale", "--detach", f"{world.name}=2")
    with pytest.raises(DeploymentFailed, match="does not know any more what it was: set it back by hand") as failure:
        await put_right(world, one, tmp_path)
    assert (failure.value.running, failure.value.unhealthy) == (one.digest, False)
    seen = await DockerSwarmDeployer().observe(world.place(), tmp_path)
    assert seen.drift == "its specification was changed", "the scale is as it was"


# Kills and outages


async def test_a_killed_move_is_taken_up_where_it_is(world: World, tmp_path: Path) -> None:
    """The runner is gone in the middle: the swarm goes on, and the next attempt only follows."""
    one, two = world.release("one"), world.release("two")
    world.create(replicas=2)
    await world.deploy(one, tmp_path)
    deployer = DockerSwarmDeployer()
    stopping = attempt_context(tmp_path)
    request = DeployRequest(service=world.place(), release=two, previous=one)
    context = type(stopping)(
        log=RecordingLog(lambda line: moving.cancel() if "starting" in line else None),
        scratch=stopping.scratch,
        data=stopping.data,
        stopping=lambda: moving.cancelling() > 0,
    )
    moving = asyncio.create_task(deployer.deploy(request, context))
    await asyncio.wait({moving})
    assert moving.cancelled()
    version = world.service.attrs["Version"]["Index"]
    log = RecordingLog()
    again = attempt_context(tmp_path, log)
    await deployer.deploy(request, type(again)(log=log, scratch=again.scratch, data=again.data, attempt=2))
    assert world.running() == [two.digest] * 2
    assert "pulling" not in log.text
    assert world.service.attrs["Version"]["Index"] >= version
    assert world.service.attrs["PreviousSpec"]["TaskTemplate"]["ContainerSpec"]["Image"] == one.reference


async def rolls_back(world: World) -> None:
    await until(
        lambda: world.service.attrs.get("UpdateStatus", {}).get("State") == "rollback_completed",
        "the swarm to roll back",
    )


async def test_a_rollback_that_nobody_saw_is_told_by_the_next_attempt(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The swarm forgets tasks, those that failed at once before those that took long to end: this host does not."""
    good, bad = world.release("good"), world.broken("exit 3")
    world.create(action="rollback")
    await world.deploy(good, tmp_path)
    log = RecordingLog(lambda line: moving.cancel() if line.startswith("update ") else None)
    first = replace(attempt_context(tmp_path, log), stopping=lambda: True)
    request = DeployRequest(service=world.place(), release=bad, previous=good)
    moving = asyncio.create_task(DockerSwarmDeployer().deploy(request, first))
    await asyncio.wait({moving})
    assert moving.cancelled() or isinstance(moving.exception(), Waiting)
    await rolls_back(world)
    known = Swarm.tasks

    async def forgotten(self: Swarm, service: SwarmService) -> list[Task]:
        return [task for task in await known(self, service) if task.digest != bad.digest]

    monkeypatch.setattr(Swarm, "tasks", forgotten)
    with pytest.raises(DeploymentFailed, match="was rolled back while nobody watched") as failure:
        await DockerSwarmDeployer().deploy(request, replace(attempt_context(tmp_path), attempt=2))
    assert (failure.value.running, failure.value.unhealthy) == (good.digest, True)


async def test_a_rollback_of_a_move_that_another_host_began_is_told_by_its_tasks(world: World, tmp_path: Path) -> None:
    good, bad = world.release("good"), world.broken("echo no such table; exit 3")
    world.create(action="rollback")
    await world.deploy(good, tmp_path)
    world.service.update(image=bad.reference)
    await rolls_back(world)
    request, context = DeployRequest(service=world.place(), release=bad, previous=good), attempt_context(tmp_path)
    with pytest.raises(DeploymentFailed, match=r"while nobody watched: .* failed \(exit code 3\)") as failure:
        await DockerSwarmDeployer().deploy(request, replace(context, attempt=2))
    assert failure.value.running == good.digest
    assert "no such table" in context.log.text, "the last lines of the new one are in the log"


async def test_a_rollback_of_an_earlier_deployment_is_not_taken_for_this_ones(world: World, tmp_path: Path) -> None:
    """Somebody asks again for what was rolled back once; the runner of that is lost before it has begun."""
    good, bad = world.release("good"), world.release("late")
    world.create(action="rollback")
    await world.deploy(good, tmp_path)
    await world.deploy(bad, tmp_path)
    world.engine.cli("service", "rollback", "--detach", world.name)
    await until(
        lambda: world.service.attrs.get("UpdateStatus", {}).get("State") == "rollback_completed",
        "the swarm to roll back",
    )
    context = attempt_context(tmp_path)
    later = replace(context, attempt=2, queued_at=datetime.now(UTC) + timedelta(minutes=1))
    await DockerSwarmDeployer().deploy(DeployRequest(service=world.place(), release=bad, previous=good), later)
    assert world.running() == [bad.digest]


async def test_a_runner_that_is_stopped_hands_a_move_over_at_once(world: World, tmp_path: Path) -> None:
    """It may be the very thing that is moved, and would wait for itself."""
    one, two = world.release("one"), world.release("two")
    world.create()
    await world.deploy(one, tmp_path)
    log = RecordingLog()
    context = replace(attempt_context(tmp_path, log), stopping=lambda: "moving it to" in log.text)
    request = DeployRequest(service=world.place(), release=two, previous=one)
    with pytest.raises(Waiting, match="the engine goes on, and the next attempt takes it up") as handed_over:
        await DockerSwarmDeployer().deploy(request, context)
    assert handed_over.value.retry_in == 0
    again = replace(attempt_context(tmp_path, log), attempt=2)
    await DockerSwarmDeployer().deploy(request, again)
    assert world.running() == [two.digest]
    assert log.text.count("moving it to") == 1


async def test_an_attempt_that_was_killed_before_it_moved_anything_is_no_rollback(world: World, tmp_path: Path) -> None:
    """An earlier deployment of the same image was rolled back; the next one was killed before it asked for anything."""
    good, bad = world.release("good"), world.broken("exit 3")
    world.create(action="rollback")
    await world.deploy(good, tmp_path)
    await fails(world, bad, tmp_path, timeout=60)
    async with connect(world.engine.url) as engine:
        service = await Swarm(engine).service(world.name)
    assert service is not None
    Memory(tmp_path / "data").begin(service, bad.digest)
    log = RecordingLog()
    request = DeployRequest(service=world.place(timeout=60), release=bad, previous=good)
    with pytest.raises(DeploymentFailed, match="It was rolled back and runs"):
        await DockerSwarmDeployer().deploy(request, replace(attempt_context(tmp_path, log), attempt=2))
    assert "moving it to" in log.text


async def test_an_engine_that_restarts_in_the_middle_of_a_move_is_waited_for(
    plain_registry: RealRegistry, tmp_path: Path
) -> None:
    with another_engine("--live-restore=false") as own:
        own.cli(
            "swarm", "init", "--advertise-addr", "127.0.0.2", "--listen-addr", f"127.0.0.2:{free_port()}", check=False
        )
        if own.cli("info", "--format", "{{.Swarm.LocalNodeState}}") != "active":
            pytest.skip("a second swarm cannot run on this machine: the ports of the first are fixed")
        world = World(own, plain_registry, unique("web"), f"{plain_registry.name}/{unique('web')}")
        one, two = world.release("one"), world.release("two")
        world.create()
        await world.deploy(one, tmp_path)
        killed: list[bool] = []

        def restart(line: str) -> None:
            if "starting" in line and not killed:
                killed.append(True)
                kill(own)
                asyncio.get_running_loop().call_later(1, start_again, own)

        log = await world.deploy(two, tmp_path, log=RecordingLog(restart), timeout=100)
        assert "does not answer" in log.text
        assert world.running() == [two.digest]


async def test_a_connection_by_ssh_that_is_cut_in_the_middle_is_made_anew(
    world: World, ssh_host: str, tmp_path: Path
) -> None:
    one, two = world.release("one"), world.release("two")
    world.create()
    url = f"ssh://{ssh_host}{world.engine.socket}"
    place = type(world.place())(name=world.name, host=url, options=world.place().options)
    await DockerSwarmDeployer().deploy(DeployRequest(service=place, release=one), attempt_context(tmp_path))
    cut: list[int] = []

    def cut_it(line: str) -> None:
        if "starting" in line and not cut:
            cut.extend(_processes(f"engine:{world.engine.socket}"))
            for process in cut:
                os.kill(process, signal.SIGKILL)

    log = RecordingLog(cut_it)
    request = DeployRequest(service=place, release=two, previous=one)
    await DockerSwarmDeployer().deploy(request, attempt_context(tmp_path, log))
    assert cut, "there was a connection to cut"
    assert "trying again" in log.text
    assert world.running() == [two.digest]
    await close_tunnels()


def _processes(word: str) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word.encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


async def test_an_engine_that_cannot_be_reached_at_the_start_is_tried_again_by_the_core(
    world: World, tmp_path: Path
) -> None:
    place = world.place()
    nowhere = type(place)(name="web", host="unix:///nowhere/docker.sock", options=place.options)
    with pytest.raises(OperationError, match="does not answer") as failure:
        await DockerSwarmDeployer().observe(nowhere, tmp_path)
    assert not isinstance(failure.value, Stalled)


# Tidy hosts


async def test_images_that_nobody_can_go_back_to_are_removed(world: World, tmp_path: Path) -> None:
    kept, old, previous, newest = (world.release(word) for word in ("kept", "old", "previous", "newest"))
    world.create()
    for release in (kept, old, previous):
        world.engine.cli("pull", release.reference)
    request = DeployRequest(service=world.place(), release=newest, previous=previous, kept=[kept])
    context = attempt_context(tmp_path)
    await DockerSwarmDeployer().deploy(request, context)
    images = world.engine.client().api.images(name=world.image)
    there = {reference.partition("@")[2] for image in images for reference in image["RepoDigests"] or []}
    assert there == {kept.digest, previous.digest, newest.digest}
