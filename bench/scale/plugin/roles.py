"""The simulated source, builder and deployer. All that they know is in the outside world's files (`outside`)."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path

from bench.scale.plugin import outside
from core.api import (
    Builder,
    BuildRequest,
    Commit,
    Context,
    Deployer,
    DeployRequest,
    Head,
    Heads,
    Health,
    Observation,
    Options,
    PublishRequest,
    RefKind,
    RepositoryPlace,
    ServicePlace,
    Source,
)

#: Lines that a build writes in a second.
_LINES = 10


class NoOptions(Options):
    """There is nothing to choose."""


class SimulatedSource(Source):
    """Answers after the time that a Git server takes."""

    kind = "simulated"
    Options = NoOptions

    async def heads(self, place: RepositoryPlace, validator: str, data: Path) -> Heads:
        await asyncio.sleep(outside.LOOK)
        now = outside.version(place.name)
        if now == validator:
            return Heads(unchanged=True, validator=validator)
        heads = tuple(
            Head(
                ref=ref,
                kind=RefKind.BRANCH if ref.startswith("refs/heads/") else RefKind.PULL_REQUEST,
                commit=Commit(hash=hash, message=f"Change {hash[:6]}", author="A. Uthor <a@example.org>"),
                trusted=True,
            )
            for ref, hash in outside.refs(place.name).items()
        )
        return Heads(heads=heads, default_branch="main", validator=now)

    async def checkout(
        self, place: RepositoryPlace, commit: str, directory: Path, context: Context, *, history: bool = False
    ) -> None:
        directory.mkdir(parents=True)


class SimulatedBuilder(Builder):
    """Takes its time, and writes a log meanwhile."""

    kind = "simulated"
    Options = NoOptions

    async def build(self, request: BuildRequest, context: Context) -> str:
        await request.checkout(context.scratch / "source")
        seconds = outside.build_seconds(request.commit.hash)
        for number in range(int(seconds * _LINES)):
            await asyncio.sleep(1 / _LINES)
            context.log.write(f"#{number} [web 3/7] RUN compiling module {number} of {request.repository}\n".encode())
        return sha256(f"{request.commit.hash} {request.platform}".encode()).hexdigest()

    async def publish(self, request: PublishRequest, context: Context) -> str:
        await asyncio.sleep(outside.publish_seconds())
        return "sha256:" + sha256(repr((request.image, sorted(request.artifacts.items()))).encode()).hexdigest()


class SimulatedDeployer(Deployer):
    """Moves services that are files."""

    kind = "simulated"
    Options = NoOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        await asyncio.sleep(outside.LOOK)
        digest = outside.running(service.name)
        return Observation(digest=digest, health=Health.HEALTHY if digest else Health.ABSENT)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        context.log.note(f"moving {request.service.name} to {request.release.digest}")
        await asyncio.sleep(outside.deploy_seconds())
        outside.run(request.service.name, request.release.digest)
