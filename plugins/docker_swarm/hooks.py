"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Deployer, ServicePlace, hookimpl
from plugins.docker_swarm.deployer import DockerSwarmDeployer
from plugins.docker_swarm.options import DeployerOptions


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [DockerSwarmDeployer()]


@hookimpl
def deployer_describe_service(service: ServicePlace) -> Sequence[tuple[str, str]]:
    options = service.options
    if not isinstance(options, DeployerOptions):
        return []
    return [
        ("Swarm service", options.service or service.name),
        ("On failure", "rolled back" if options.rollback else "left as it is"),
    ]
