"""Deploys to this host: release directories side by side, and a link to the one that is live."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from core.api import Context, Deployer, DeployRequest, Observation, ServicePlace
from plugins.host import checks, services
from plugins.host.move import Move
from plugins.host.options import DeployerOptions


class HostDeployer(Deployer):
    """Copies the artifact beside the other releases, tries it, moves the link, and goes back if it is not healthy.

    A service is a supervised process (`command`), something that a command brings into effect (`activate`), or files
    behind the link. It runs as the deployer's own user, without a sandbox: only what somebody with write access to a
    deployment branch wrote gets here. Services outlive the runner; `manage.py host_services` ends and starts them.
    """

    kind = "host"
    Options = DeployerOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        return await checks.observe(services.place_of(service, data))

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        place = services.place_of(request.service, context.data)
        services.enlist(request.service, context.data)
        with place.held():
            options = cast(DeployerOptions, request.service.options)
            await Move(place, request.release.digest, options, context).run()
