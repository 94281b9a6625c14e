"""A real Docker engine in swarm mode and a real registry, on a host of the world; and what the engine really runs."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import docker
import requests

from tests.docker_real import BASE, busybox_tree
from tests.real import required

if TYPE_CHECKING:
    from tests.chaos.world import World

REPOSITORY, SERVICE = "real/web", "web"
REGISTRY, ENGINE = 5000, 2375
DOCKERFILE = f'FROM {BASE}\nCOPY version /www/version\nCMD ["sleep", "3600"]\n'
#: Put behind the other flavours.
FLAVOUR = """
engine, registry = os.environ["CHAOS_ENGINE"], os.environ["CHAOS_REGISTRY"]
moved = Service("web", Use("docker_swarm", timeout=120), host=engine)
target = Target("live", f"{registry}/real/web:live", [moved])
recipe = Recipe("web", Use("docker", engine=engine, buildkit=False), targets=[target])
source = Use("git", url=os.environ["CHAOS_GIT"] + "/real/web.git")
real = Flavour("real", [Repository("real/web", source, [recipe], poll=2, check=False)], notifiers=[Use("chaos")])
"""


class Engine:
    """The engine and the registry of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.url = f"tcp://{world.net.address('engine')}:{ENGINE}"
        self.registry = f"{world.net.address('engine')}:{REGISTRY}"
        self._directory = world.directory / "engine"

    def describe(self) -> dict[str, tuple[str, ...]]:
        """The commands, by the names of the services."""
        self._directory.mkdir()
        settings = self._directory / "registry.yml"
        settings.write_text(
            "version: 0.1\nlog: {level: warn}\n"
            f"storage: {{filesystem: {{rootdirectory: {self._directory}/images}}}}\nhttp: {{addr: '0.0.0.0:{REGISTRY}'}}\n"
        )
        where = ("--data-root", f"{self._directory}/data", "--exec-root", f"{self._directory}/exec")
        listen = ("--host", f"unix://{self._directory}/docker.sock", "--host", f"tcp://0.0.0.0:{ENGINE}", "--tls=false")
        more = ("--pidfile", f"{self._directory}/pid", "--insecure-registry", self.registry, "--shutdown-timeout", "3")
        return {
            "registry": (required("docker-registry", "docker-registry"), "serve", str(settings)),
            "engine": (required("dockerd", "docker.io"), *where, *listen, *more),
        }

    def client(self) -> docker.DockerClient:
        return docker.DockerClient(base_url=self.url, timeout=20)

    def prepare(self) -> None:
        """Make the swarm, the image that others are made from, and the service as an operator would."""
        self._world.until(self._answers, "the engine", 90)
        client = self.client()
        client.api.import_image_from_data(busybox_tree(), repository="base", tag="latest", changes=["ENV PATH=/bin"])
        client.swarm.init(advertise_addr=self._world.net.address("engine"))
        client.services.create(
            BASE,
            ["sleep", "3600"],
            name=SERVICE,
            endpoint_spec=docker.types.EndpointSpec(mode="dnsrr"),
            update_config=docker.types.UpdateConfig(order="stop-first", monitor=10**9, failure_action="rollback"),
            restart_policy=docker.types.RestartPolicy(condition="any", delay=10**9),
            stop_grace_period=10**9,
        )

    def end(self) -> None:
        """Remove what runs, as far as the engine answers: containers outlive it."""
        with suppress(docker.errors.DockerException, requests.RequestException):
            self.client().swarm.leave(force=True)
            for each in self.client().containers.list():
                each.remove(force=True)

    def runs(self) -> str:
        """The digest of the image that a task of the service runs and that the service is to run; empty if they differ."""
        try:
            service = self.client().services.get(SERVICE)
            wanted = str(service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])
            tasks = [task for task in service.tasks() if task["Status"]["State"] == "running"]
        except (docker.errors.DockerException, requests.RequestException):
            return ""
        images = {str(task["Spec"]["ContainerSpec"]["Image"]) for task in tasks if task["DesiredState"] == "running"}
        return wanted.partition("@")[2] if images == {wanted} else ""

    def _answers(self) -> bool:
        try:
            return bool(self.client().ping())
        except (docker.errors.DockerException, requests.RequestException):
            return False
