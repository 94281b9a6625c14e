"""The deployer keeps what every deployer promises, on a real swarm."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.api import Deployer, DeploymentFailed, Health, Release, ServicePlace
from core.testing.conformance.deployers import DeployerConformance
from plugins.docker_swarm.deployer import DockerSwarmDeployer
from plugins.docker_swarm.options import DeployerOptions
from tests.docker_real import RealEngine
from tests.plugins.docker_swarm.world import World


class TestDockerSwarmDeployer(DeployerConformance):
    @pytest.fixture
    def deployer(self) -> Deployer:
        return DockerSwarmDeployer()

    @pytest.fixture
    def service(self, world: World) -> ServicePlace:
        world.create()
        return world.place(timeout=60)

    @pytest.fixture
    def releases(self, world: World) -> tuple[Release, Release]:
        return world.release("one"), world.release("two")

    @pytest.fixture
    def broken(self, world: World) -> Release:
        return world.broken("echo I cannot start; exit 7")

    async def test_an_unknown_service_is_observed_as_nothing(
        self, deployer: Deployer, service: ServicePlace, tmp_path: Path, engine: RealEngine
    ) -> None:
        unknown = ServicePlace(name="nobody-made-this", host=engine.url, options=DeployerOptions())
        seen = await deployer.observe(unknown, tmp_path)
        assert (seen.digest, seen.health) == (None, Health.ABSENT)
        assert "has no service nobody-made-this" in seen.detail

    async def test_a_broken_first_release_leaves_nothing_healthy(
        self, deployer: Deployer, service: ServicePlace, broken: Release, tmp_path: Path
    ) -> None:
        """Of a service that is there already, what was there before goes on: nothing of the release is healthy."""
        with pytest.raises(DeploymentFailed):
            await self.deploy(deployer, service, broken, tmp_path)
        seen = await deployer.observe(service, tmp_path / "data")
        assert seen.digest is None
