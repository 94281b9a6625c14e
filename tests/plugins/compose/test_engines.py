"""Engines that go away in the middle, that are behind ssh, and deployers that are killed: the next attempt finishes it."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.tunnels import close_tunnels
from core.api import Health, OperationError, ServicePlace, Stalled
from tests.docker_real import RealRegistry, another_engine, kill, start_again
from tests.plugins.compose.world import WEB, World

ROOT = Path(__file__).parents[3]


@pytest.fixture
def lonely(plain_registry: RealRegistry, tmp_path: Path) -> Iterator[World]:
    """A project on an engine that the test may kill."""
    with another_engine() as engine:
        yield World(engine, plain_registry, tmp_path)


async def test_an_engine_that_goes_away_in_the_middle_is_told_and_the_next_attempt_finishes(lonely: World) -> None:
    service, one, two = lonely.service(), lonely.release("one"), lonely.release("two")
    await lonely.deploy(service, one)

    def kill_the_engine(line: str) -> None:
        if line.startswith("$ "):
            kill(lonely.engine)

    with pytest.raises(OperationError, match="does not answer") as failure:
        await lonely.deploy(service, two, previous=one, noted=kill_the_engine)
    assert not isinstance(failure.value, Stalled), "it is tried again"
    with pytest.raises(OperationError, match="does not answer"):
        await lonely.observe(service)
    start_again(lonely.engine)
    await lonely.deploy(service, two, previous=one)
    seen = await lonely.observe(service)
    assert (seen.digest, seen.health) == (two.digest, Health.HEALTHY)


async def test_a_host_behind_ssh(world: World, ssh_host: str) -> None:
    service = ServicePlace(
        name=world.project, host=f"ssh://{ssh_host}{world.engine.socket}", options=world.service().options
    )
    await world.deploy(service, world.release("one"))
    seen = await world.observe(service)
    assert (seen.digest, seen.health) == (world.release("one").digest, Health.HEALTHY)
    await close_tunnels()


async def start(world: World, service: ServicePlace, word: str) -> asyncio.subprocess.Process:
    """Deploy in a process of its own."""
    context, release = world.context(), world.release(word)
    place = {"name": service.name, "host": service.host, "options": service.options.model_dump(mode="json")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.plugins.compose.deploy_once"),
        *(str(context.data), str(context.scratch), json.dumps(place), release.image, release.digest),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("words", ["project ", "$ docker-compose", "healthy means", "its health check is starting"])
async def test_killed_at_any_moment_the_next_attempt_finishes(world: World, words: str) -> None:
    service = world.service()
    await world.deploy(service, world.release("one"))
    process = await start(world, service, "two")
    while words.encode() not in (line := await process.stdout.readline()):
        assert line, "it ended before"
    await asyncio.sleep(0.3 if words.startswith("$") else 0)  # somewhere within what compose does
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    process = await start(world, service, "two")
    await process.communicate()
    assert process.returncode == 0
    seen = await world.observe(service)
    assert (seen.digest, seen.health, seen.drift) == (world.release("two").digest, Health.HEALTHY, "")
    assert len(world.containers()) == 1, "nothing is left over"


async def test_a_first_deployment_that_was_killed_and_fails_then_leaves_nothing_running(world: World) -> None:
    service = world.service(WEB + "    healthcheck: {test: [CMD, 'false'], interval: 1s, retries: 1}\n")
    process = await start(world, service, "one")
    while b"healthy means" not in await process.stdout.readline():
        pass
    process.kill()
    await process.wait()
    await world.fails(service, world.release("one"), "nothing ran before, so its containers are stopped")
    assert [each.status for each in world.containers()] == ["exited"]
