"""Whenever a deployment is killed, the next one converges: one supervisor, one process, one link, nothing half made."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from core.api import ServicePlace, Waiting
from core.testing.conformance.deployers import DeployerConformance
from plugins.host import processes, supervision, trial
from plugins.host.deployer import HostDeployer
from plugins.host.releases import ServiceDirectory
from tests.plugins.host.world import served, service_processes, supervisors, web_release, web_service

ROOT = Path(__file__).parents[3]
#: Seconds that a deployment takes here, about: random moments are drawn from them.
DURATION = 0.3


class World:
    """A service that runs release one, and two more releases."""

    def __init__(self, tmp_path: Path, service: ServicePlace) -> None:
        self.tmp_path = tmp_path
        self.service = service
        self.releases = {version: web_release(tmp_path, version) for version in ("one", "two", "three")}
        self.place = ServiceDirectory(tmp_path / "data" / "services" / service.name)
        self.runner = DeployerConformance()

    async def deploy(self, version: str) -> None:
        """Deploy, and again while what a killed process was just starting still has the lock, as a runner would."""
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(Waiting):
                    return await self.runner.deploy(HostDeployer(), self.service, self.releases[version], self.tmp_path)
                await asyncio.sleep(0.05)

    async def start(self, version: str) -> asyncio.subprocess.Process:
        """Start a deployment in a process of its own; it is about to begin when this returns."""
        context = self.runner.context(self.tmp_path)
        arguments = (
            context.data,
            context.scratch,
            self.service.options.model_dump_json(),
            self.releases[version].digest,
        )
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.plugins.host.deploy_once", *map(str, arguments)),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        assert await process.stdout.readline() == b"ready\n"
        return process

    def check_link(self, *versions: str) -> None:
        """The link is there, and leads to a whole release."""
        current = self.place.current
        assert current.digest in [self.releases[version].digest for version in versions]
        assert sorted(path.name for path in current.path.iterdir()) == ["serve.py", "status", "version"]

    async def check_all(self, version: str) -> None:
        """It runs this release, and nothing is left over."""
        self.check_link(version)
        assert self.place.settled == self.place.current
        assert served(self.service.options.port) == version
        assert len(supervisors(self.place.path)) == 1
        assert service_processes(self.place.path) == [supervision.look(self.place.path).process]
        assert not processes.marked(trial.MARK, str(self.place.path))
        assert not list((self.place.path / "releases").glob(".*"))
        assert not (self.place.path / ".current.new").is_symlink()


@pytest.fixture(params=[True, False], ids=["with a trial", "without"])
async def world(request: pytest.FixtureRequest, data: Path, port: int, tmp_path: Path) -> World:
    world = World(tmp_path, web_service(port, trial=request.param))
    await world.deploy("one")
    return world


@pytest.mark.parametrize("line", range(1, 8))
async def test_killed_at_any_line_of_its_log(world: World, line: int) -> None:
    process = await world.start("two")
    for _ in range(line):
        await process.stdout.readline()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    world.check_link("one", "two")
    await world.deploy("two")
    await world.check_all("two")


@pytest.mark.parametrize("seed", range(10))
async def test_killed_at_random_with_everything_else_perhaps_and_deployed_to_anything(world: World, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(2):
        process = await world.start(chance.choice(["two", "three"]))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), chance.uniform(0, DURATION))
        if chance.random() < 0.3:
            for victim in [*supervisors(world.place.path), *service_processes(world.place.path)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        world.check_link("one", "two", "three")
        async with asyncio.timeout(5):  # the one that starts it, if it was killed just then, ends in a moment
            while len(supervisors(world.place.path)) > 1:
                await asyncio.sleep(0.01)
    version = chance.choice(["one", "two", "three"])
    await world.deploy(version)
    await world.check_all(version)


async def test_a_broken_release_that_was_switched_to_when_killed_is_left_again(
    data: Path, port: int, tmp_path: Path
) -> None:
    world = World(tmp_path, web_service(port, trial=False, health_timeout=5))
    await world.deploy("one")
    world.releases["broken"] = web_release(tmp_path, "broken", serve="import time; time.sleep(3600)")
    process = await world.start("broken")
    while b"`current` was" not in await process.stdout.readline():
        pass
    process.kill()
    await process.wait()
    world.check_link("broken")
    with pytest.raises(Exception, match="is in place again and healthy"):
        await world.deploy("broken")
    await world.check_all("one")


async def test_two_at_once_never_work_in_one_directory(world: World) -> None:
    processes_ = [await world.start("two") for _ in range(3)]
    await asyncio.gather(*(process.communicate() for process in processes_))
    assert 0 in [process.returncode for process in processes_]
    await world.deploy("two")
    await world.check_all("two")
