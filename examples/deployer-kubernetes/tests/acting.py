"""Deploying and observing, as a runner does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deployer_kubernetes.deployer import KubernetesDeployer

from core.api import Context, DeploymentFailed, DeployRequest, Health, Release, ServicePlace
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog

from .world import CONTAINER, World


def place(world: World, host: str = "", name: str = "shop", **options: Any) -> ServicePlace:
    """A service in the world's namespace. `host`: the user that it is looked after as."""
    given = KubernetesDeployer.Options(**{"namespace": world.name, **options})
    return ServicePlace(name=name, host=host, options=given)


def image(of: Release, **more: Any) -> dict[str, Any]:
    """What `kubectl set image` changes."""
    containers = [{"name": CONTAINER, "image": of.reference}]
    return {"spec": {**more, "template": {"spec": {"containers": containers}}}}


class Moves:
    """Deploys as a runner would, and remembers what was said."""

    def __init__(self, deployer: KubernetesDeployer, service: ServicePlace, tmp_path: Path) -> None:
        self.deployer, self.service, self._tmp_path = deployer, service, tmp_path
        self.log = RecordingLog()

    async def to(self, release: Release, *, previous: Release | None = None, **context: Any) -> None:
        request = DeployRequest(service=self.service, release=release, previous=previous)
        await self.deployer.deploy(request, self.context(**context))

    async def fails(self, release: Release, **more: Any) -> DeploymentFailed:
        with pytest.raises(DeploymentFailed) as failure:
            await self.to(release, **more)
        return failure.value

    def context(self, **change: Any) -> Context:
        return replace(attempt_context(self._tmp_path, self.log), **change)

    async def seen(self) -> tuple[str | None, Health]:
        observed = await self.deployer.observe(self.service, self._tmp_path)
        return observed.digest, observed.health
