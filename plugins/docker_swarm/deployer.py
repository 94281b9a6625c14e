"""The deployer for services of a swarm."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from containers.engine import connect
from core.api import Context, Deployer, DeployRequest, Health, Observation, ServicePlace
from plugins.docker_swarm import housekeeping
from plugins.docker_swarm.client import Swarm
from plugins.docker_swarm.move import Move
from plugins.docker_swarm.observing import observation
from plugins.docker_swarm.options import DeployerOptions


class DockerSwarmDeployer(Deployer):
    """Moves a service by its own update policy and follows it until it stands, or is back where it was."""

    kind = "docker_swarm"
    Options = DeployerOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        name = cast(DeployerOptions, service.options).service or service.name
        async with connect(service.host) as engine:
            swarm = Swarm(engine)
            found = await swarm.service(name)
            if found is None:
                return Observation(digest=None, health=Health.ABSENT, detail=f"{engine.where} has no service {name}")
            return observation(found, await swarm.tasks(found))

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        await Move(request, context, cast(DeployerOptions, request.service.options)).run()
        await housekeeping.tidy(request, context)
