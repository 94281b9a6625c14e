"""What every deployer keeps to."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from core.errors import DeploymentFailed
from core.interfaces import Deployer
from core.operation_values import Context, DeployRequest
from core.states import Health
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from core.values import Observation, Options, Release, ServicePlace

#: Seconds in which a service that was moved has to look well to whoever only observes it.
SETTLES_IN = 30.0


class DeployerConformance:
    """Inherit it in a test class and override the fixtures that raise; `pytest` does the rest.

    Use the real thing behind the deployer wherever that can be had: a deployer that was only seen to talk to a fake was
    not seen to work. The deployer keeps its data in `tmp_path / "data"`.
    """

    # What you provide

    @pytest.fixture
    def deployer(self) -> Deployer:
        """The deployer under test."""
        raise NotImplementedError

    @pytest.fixture
    def service(self, tmp_path: Path) -> ServicePlace:
        """A service that nothing was ever deployed to; ended after the test."""
        raise NotImplementedError

    @pytest.fixture
    def releases(self, tmp_path: Path) -> tuple[Release, Release]:
        """Two different releases that the service is healthy with."""
        raise NotImplementedError

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Release:
        """A release that the service cannot run, or is never healthy with."""
        raise NotImplementedError

    # What it has to keep to

    def test_it_says_what_it_is(self, deployer: Deployer) -> None:
        assert re.fullmatch(r"[a-z][a-z0-9_-]*", deployer.kind)
        assert issubclass(deployer.Options, Options)
        assert deployer.Options.model_json_schema()["type"] == "object"

    async def test_an_unknown_service_is_observed_as_nothing(
        self, deployer: Deployer, service: ServicePlace, tmp_path: Path
    ) -> None:
        seen = await deployer.observe(service, attempt_context(tmp_path).data)
        assert seen.digest is None
        assert seen.health is not Health.HEALTHY

    async def test_what_was_deployed_is_observed(
        self, deployer: Deployer, service: ServicePlace, releases: tuple[Release, Release], tmp_path: Path
    ) -> None:
        await self.deploy(deployer, service, releases[0], tmp_path)
        await self.runs(deployer, service, releases[0], tmp_path)

    async def test_a_newer_release_takes_the_place_of_the_older(
        self, deployer: Deployer, service: ServicePlace, releases: tuple[Release, Release], tmp_path: Path
    ) -> None:
        older, newer = releases
        await self.deploy(deployer, service, older, tmp_path)
        await self.deploy(deployer, service, newer, tmp_path, previous=older)
        await self.runs(deployer, service, newer, tmp_path)

    async def test_deploying_twice_is_deploying_once(
        self, deployer: Deployer, service: ServicePlace, releases: tuple[Release, Release], tmp_path: Path
    ) -> None:
        await self.deploy(deployer, service, releases[0], tmp_path)
        once = await self.runs(deployer, service, releases[0], tmp_path)
        await self.deploy(deployer, service, releases[0], tmp_path, previous=releases[0])
        twice = await self.runs(deployer, service, releases[0], tmp_path)
        assert once.since == twice.since, "deploying what already runs changes nothing"

    async def test_an_older_release_can_be_deployed_again(
        self, deployer: Deployer, service: ServicePlace, releases: tuple[Release, Release], tmp_path: Path
    ) -> None:
        older, newer = releases
        await self.deploy(deployer, service, older, tmp_path)
        await self.deploy(deployer, service, newer, tmp_path, previous=older)
        await self.deploy(deployer, service, older, tmp_path, previous=newer, rollback=True)
        await self.runs(deployer, service, older, tmp_path)

    async def test_a_broken_release_is_refused_and_the_former_still_runs(
        self,
        deployer: Deployer,
        service: ServicePlace,
        releases: tuple[Release, Release],
        broken: Release,
        tmp_path: Path,
    ) -> None:
        former = releases[0]
        await self.deploy(deployer, service, former, tmp_path)
        with pytest.raises(DeploymentFailed) as failure:
            await self.deploy(deployer, service, broken, tmp_path, previous=former)
        assert failure.value.running == former.digest
        await self.runs(deployer, service, former, tmp_path)

    async def test_a_broken_first_release_leaves_nothing_healthy(
        self, deployer: Deployer, service: ServicePlace, broken: Release, tmp_path: Path
    ) -> None:
        with pytest.raises(DeploymentFailed):
            await self.deploy(deployer, service, broken, tmp_path)
        seen = await deployer.observe(service, tmp_path / "data")
        assert seen.health is not Health.HEALTHY

    @pytest.mark.parametrize("moment", [1, 2, 3, 5, 8])
    async def test_a_cancelled_deployment_leaves_the_old_or_the_new(
        self,
        deployer: Deployer,
        service: ServicePlace,
        releases: tuple[Release, Release],
        tmp_path: Path,
        moment: int,
    ) -> None:
        """It is cancelled at its first, second, … line in the log, wherever that is."""
        old, new = releases
        await self.deploy(deployer, service, old, tmp_path)

        def cancel_at_the_moment(_: str) -> None:
            if len(log.notes) == moment:
                move.cancel()

        log = RecordingLog(cancel_at_the_moment)
        move = asyncio.create_task(self.deploy(deployer, service, new, tmp_path, previous=old, log=log))
        await asyncio.wait({move})
        seen = await deployer.observe(service, tmp_path / "data")
        assert seen.digest in (old.digest, new.digest)
        await self.runs(deployer, service, old if seen.digest == old.digest else new, tmp_path)
        await self.deploy(deployer, service, new, tmp_path, previous=old)
        await self.runs(deployer, service, new, tmp_path)

    # How it is called

    async def deploy(
        self,
        deployer: Deployer,
        service: ServicePlace,
        release: Release,
        tmp_path: Path,
        *,
        previous: Release | None = None,
        rollback: bool = False,
        log: RecordingLog | None = None,
    ) -> None:
        """Deploy as a runner would."""
        request = DeployRequest(service=service, release=release, previous=previous, rollback=rollback)
        await deployer.deploy(request, self.context(tmp_path, log))

    async def runs(self, deployer: Deployer, service: ServicePlace, release: Release, tmp_path: Path) -> Observation:
        """Observe until the service runs this release and is not unhealthy; fail when it does not get there."""
        deadline = asyncio.get_running_loop().time() + SETTLES_IN
        while True:
            seen = await deployer.observe(service, tmp_path / "data")
            if seen.digest == release.digest and seen.health not in (Health.UNHEALTHY, Health.ABSENT):
                return seen
            assert asyncio.get_running_loop().time() < deadline, f"expected {release.digest}, seen {seen}"
            await asyncio.sleep(0.1)

    def context(self, tmp_path: Path, log: RecordingLog | None = None) -> Context:
        """Make the context of one attempt."""
        return attempt_context(tmp_path, log)
