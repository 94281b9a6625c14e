"""The deployer keeps what every deployer promises."""

from __future__ import annotations

import pytest
from deployer_kubernetes.deployer import KubernetesDeployer

from core.api import Release, ServicePlace
from core.testing.conformance.deployers import DeployerConformance

from .acting import place
from .world import World, release


class TestKubernetesDeployer(DeployerConformance):
    """With one Deployment of one pod; see `conftest` for what cluster that is in."""

    @pytest.fixture
    def deployer(self, deployer: KubernetesDeployer) -> KubernetesDeployer:
        return deployer

    @pytest.fixture
    def service(self, deployer: KubernetesDeployer, world: World) -> ServicePlace:
        """A Deployment that nothing was deployed to: nobody has published its image."""
        world.create()
        return place(world)

    @pytest.fixture
    def releases(self) -> tuple[Release, Release]:
        return release("shop"), release("shop-next")

    @pytest.fixture
    def broken(self) -> Release:
        return release("crashes")
