"""The deployer for Deployments of Kubernetes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

from core.api import Context, Deployer, DeployRequest, Finding, Health, Observation, OperationError, ServicePlace

from .access import connect
from .checking import findings
from .client import Cluster
from .move import Move
from .observing import observation
from .options import KubernetesOptions
from .place import Place
from .rollouts import spec_of


class KubernetesDeployer(Deployer):
    """Moves one container of a Deployment and follows the rollout until it stands, or is back where it was.

    :param look: seconds between two looks at a rollout.
    :param clock: tells seconds.
    """

    kind = "kubernetes"
    Options = KubernetesOptions

    def __init__(self, look: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        options = cast(KubernetesOptions, service.options)
        place = Place(service, options)
        async with connect(service, options) as client:
            cluster = Cluster(client)
            deployment = await cluster.deployment(place.namespace, place.name)
            if deployment is None:
                return Observation(
                    digest=None, health=Health.ABSENT, detail=f"{cluster.where} has no Deployment {place}"
                )
            pods = await cluster.pods(place.namespace, spec_of(deployment).selector)
            return observation(deployment, pods, place.container(deployment), place.image(deployment))

    async def check(self, service: ServicePlace, data: Path) -> AsyncIterator[Finding]:
        options = cast(KubernetesOptions, service.options)
        try:
            async with connect(service, options) as client:
                async for finding in findings(Cluster(client), Place(service, options)):
                    yield finding
        except OperationError as error:
            yield Finding(level="error", text=f"{service.name}: {error}")

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        options = cast(KubernetesOptions, request.service.options)
        await Move(request, context, options, self._look, self._clock).run()
