"""Moves services by a command of yours, and asks another what runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from pydantic import Field

from core.api import (
    CommandFailed,
    Context,
    Deployer,
    DeploymentFailed,
    DeployRequest,
    Health,
    Observation,
    OperationError,
    Options,
    Release,
    ServicePlace,
    ask,
    run,
)


class SkeletonOptions(Options):
    """The commands; each is a list of words that no shell reads, with `{service}` and `{image}` filled in."""

    move: tuple[str, ...] = Field(
        min_length=1, description="Moves the service to an image, and waits until it is well."
    )
    tell: tuple[str, ...] = Field(
        min_length=1, description='Prints what runs as JSON: {"digest": "sha256:…", "healthy": true}; {} for nothing.'
    )


class SkeletonDeployer(Deployer):
    """Moves a service with the command `move`; when that fails, back to what it ran before."""

    kind = "skeleton"
    Options = SkeletonOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        try:
            said = await ask(_words(_given(service).tell, service))
        except CommandFailed as error:
            raise OperationError(f"nobody can tell what {service.name} runs: {error}") from None
        try:
            told = json.loads(said)
            digest, healthy = told.get("digest"), told.get("healthy", False)
        except (ValueError, AttributeError):
            raise OperationError(f"{_given(service).tell[0]} prints no JSON: {said[:200]!r}") from None
        if not digest:
            return Observation(digest=None, health=Health.ABSENT)
        return Observation(digest=str(digest), health=Health.HEALTHY if healthy else Health.UNHEALTHY)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        service = request.service
        if (await self.observe(service, context.data)).digest == request.release.digest:
            context.log.note(f"{service.name} runs {request.release.digest} already")
            return
        try:
            await self._move(service, request.release, context)
        except CommandFailed as error:
            raise DeploymentFailed(str(error), running=await self._back(request, context)) from None

    async def _move(self, service: ServicePlace, release: Release, context: Context) -> None:
        # Each line of the deployer's own is a good moment to be cancelled: between two of them nothing is half done.
        context.log.note(f"moving {service.name} to {release.reference}")
        await run(_words(_given(service).move, service, release), log=context.log, leash=context.leash)
        context.log.note(f"{service.name} was moved")

    async def _back(self, request: DeployRequest, context: Context) -> str | None:
        """Put it back to what it ran before; the digest that runs then."""
        if request.previous is None:
            return None
        try:
            await self._move(request.service, request.previous, context)
        except CommandFailed:
            return None
        return request.previous.digest


def _given(service: ServicePlace) -> SkeletonOptions:
    return cast(SkeletonOptions, service.options)


def _words(command: tuple[str, ...], service: ServicePlace, release: Release | None = None) -> list[str]:
    image = release.reference if release else ""
    return [word.replace("{service}", service.name).replace("{image}", image) for word in command]
