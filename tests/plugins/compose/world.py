"""A compose project on a real engine, with images from a real registry."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from core.api import Context, DeploymentFailed, DeployRequest, Observation, OperationError, Release, ServicePlace
from core.testing.conformance.deployers import DeployerConformance
from core.testing.logs import RecordingLog
from plugins.compose.deployer import ComposeDeployer
from plugins.compose.options import ComposeOptions
from tests.docker_real import BASE, RealEngine, RealRegistry, push_image, unique, web_dockerfile

#: Killed and not asked to end: as the first process of its container, busybox does not hear SIGTERM.
WEB = """
services:
  web:
    image: ${IMAGE}
    stop_signal: SIGKILL
"""


class FailedLog(RecordingLog):
    """The log of a deployment that failed, and how."""

    failure: Any


_pushed: dict[tuple[str, str], str] = {}


@dataclass
class World:
    """A project and what can be deployed to it."""

    engine: RealEngine
    registry: RealRegistry
    tmp_path: Path
    deployer: ComposeDeployer = field(default_factory=ComposeDeployer)
    project: str = field(default_factory=lambda: unique("shop"))
    caller: DeployerConformance = field(default_factory=DeployerConformance)

    def service(self, template: str = WEB, **options: Any) -> ServicePlace:
        given = {"wait": 30, **({} if "caddy" in options else {"template": template}), **options}
        return ServicePlace(name=self.project, host=self.engine.url, options=ComposeOptions.model_validate(given))

    def release(self, word: str, dockerfile: str = "", registry: RealRegistry | None = None) -> Release:
        """An image that was pushed; the same for the same Dockerfile."""
        dockerfile = dockerfile or web_dockerfile(word)
        name = f"{(registry or self.registry).name}/shop/{word}"
        key = (name, dockerfile)
        if key not in _pushed:
            _pushed[key] = push_image(self.engine, f"{name}:live", dockerfile)
        return Release(image=name, digest=_pushed[key])

    async def deploy(
        self,
        service: ServicePlace,
        release: Release,
        *,
        previous: Release | None = None,
        noted: Callable[[str], None] = lambda _: None,
    ) -> RecordingLog:
        """Deploy as a runner would, and answer the log."""
        log = RecordingLog(noted)
        await self.caller.deploy(self.deployer, service, release, self.tmp_path, previous=previous, log=log)
        return log

    async def fails(
        self, service: ServicePlace, release: Release, match: str | None, *, previous: Release | None = None
    ) -> FailedLog:
        """Deploy what cannot be, and answer the log with the failure."""
        log = FailedLog()
        expected = DeploymentFailed if match else OperationError
        with pytest.raises(expected, match=match) as failure:
            await self.caller.deploy(self.deployer, service, release, self.tmp_path, previous=previous, log=log)
        log.failure = failure.value
        return log

    async def cancelled_at(
        self, words: str, service: ServicePlace, release: Release, *, stopping: bool
    ) -> RecordingLog:
        """Cancel a deployment when its log says this."""

        def cancel(line: str) -> None:
            if words in line:
                move.cancel()

        log = RecordingLog(cancel)
        context = replace(self.context(log), stopping=lambda: stopping)
        move = asyncio.create_task(self.deployer.deploy(DeployRequest(service=service, release=release), context))
        await asyncio.wait({move})
        assert move.cancelled(), move
        return log

    async def observe(self, service: ServicePlace) -> Observation:
        return await self.deployer.observe(service, self.tmp_path / "data")

    async def until(self, service: ServicePlace, done: Callable[[Observation], bool]) -> None:
        async with asyncio.timeout(30):
            while not done(await self.observe(service)):
                await asyncio.sleep(0.1)

    def by_hand(self, text: str, *words: str) -> None:
        """Bring the project up as a person would."""
        subprocess.run(
            ["docker-compose", "-f", "-", "-p", self.project, "up", "-d", *words],
            input=text.encode(),
            env={**os.environ, "DOCKER_HOST": self.engine.url},
            capture_output=True,
            check=True,
        )

    @contextmanager
    def a_container_on(self, port: int) -> Iterator[None]:
        """Somebody else's container that has a port of the host."""
        container = self.engine.client().containers.run(
            BASE, ["busybox", "sleep", "1000"], detach=True, ports={"80/tcp": ("127.0.0.1", port)}
        )
        try:
            yield
        finally:
            container.remove(force=True)

    def context(self, log: RecordingLog | None = None) -> Context:
        return self.caller.context(self.tmp_path, log)

    def containers(self, project: str = "") -> list[Any]:
        """An independent view of the project's containers."""
        label = f"com.docker.compose.project={project or self.project}"
        return self.engine.client().containers.list(all=True, filters={"label": label})

    def remove(self) -> None:
        for container in self.containers():
            container.remove(force=True, v=True)
        for network in self.engine.client().networks.list(
            filters={"label": f"com.docker.compose.project={self.project}"}
        ):
            network.remove()
