"""A service of a real swarm, and releases for it in a real registry."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import docker
from docker.types import EndpointSpec, RestartPolicy, ServiceMode, UpdateConfig

from containers.names import digest_in
from core.api import DeployRequest, Release, ServicePlace
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.docker_swarm.deployer import DockerSwarmDeployer
from plugins.docker_swarm.options import DeployerOptions
from tests.docker_real import BASE, RealEngine, RealRegistry, push_image, unique, web_dockerfile

#: As quick as a swarm goes: what is watched shows at once here.
QUICK = {"parallelism": 1, "delay": 0, "monitor": 10**9, "order": "start-first"}
SECOND = 10**9


@dataclass
class World:
    """One service, made by hand as an operator would, and the image name that its releases have."""

    engine: RealEngine
    registry: RealRegistry
    name: str
    image: str

    def create(
        self,
        *,
        replicas: int = 1,
        action: str = "pause",
        update: dict[str, Any] | None = None,
        image: str = BASE,
        **more: Any,
    ) -> None:
        """`docker service create`."""
        config = UpdateConfig(**{**QUICK, "failure_action": action, **(update or {})})
        self.engine.client().services.create(
            image,
            name=self.name,
            mode=ServiceMode("replicated", replicas=replicas),
            update_config=config,
            rollback_config=UpdateConfig(**QUICK),
            restart_policy=RestartPolicy(condition="any", delay=SECOND // 2),
            stop_grace_period=SECOND,
            **more,
        )

    def release(self, word: str, **how: Any) -> Release:
        """Build a web service that answers a word, and push it."""
        tag = f"{self.image}:{word}"
        return Release(image=f"{self.image}:live", digest=push_image(self.engine, tag, web_dockerfile(word, **how)))

    def broken(self, command: str) -> Release:
        """A release whose container does this instead of serving."""
        tag = unique("broken")
        dockerfile = web_dockerfile(tag, command=command)
        return Release(image=f"{self.image}:live", digest=push_image(self.engine, f"{self.image}:{tag}", dockerfile))

    def place(self, **options: Any) -> ServicePlace:
        return ServicePlace(name=self.name, host=self.engine.url, options=DeployerOptions(**options))

    async def deploy(
        self,
        release: Release,
        tmp_path: Any,
        *,
        previous: Release | None = None,
        log: RecordingLog | None = None,
        **options: Any,
    ) -> RecordingLog:
        """Deploy as a runner would; answers the log."""
        log = log or RecordingLog()
        request = DeployRequest(service=self.place(**options), release=release, previous=previous)
        await DockerSwarmDeployer().deploy(request, attempt_context(tmp_path, log))
        return log

    # An independent view

    @property
    def service(self) -> Any:
        return self.engine.client().services.get(self.name)

    @property
    def digest(self) -> str:
        """What the service is told to run."""
        return digest_in(self.service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    def running(self) -> list[str]:
        """The digests of the tasks that run."""
        tasks = self.service.tasks(filters={"desired-state": "running"})
        return [
            digest_in(task["Spec"]["ContainerSpec"]["Image"]) for task in tasks if task["Status"]["State"] == "running"
        ]

    def remove(self) -> None:
        with contextlib.suppress(docker.errors.NotFound):
            self.service.remove()


def published_port(port: int, *, host: bool = False) -> EndpointSpec:
    """The service's port 80 under another, by the swarm's own balancing or on the host."""
    kind = "host" if host else "ingress"
    return EndpointSpec(mode="vip", ports={port: (80, "tcp", kind)})
