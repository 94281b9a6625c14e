"""What the demo needs of Docker: a swarm, a base image, a registry, and the service as an operator would create it."""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import docker

from core.errors import ConfigurationError
from deployer_site.demo.front import Front
from flavours import demo as flavour

BASE = "deployer-demo/base"
#: Tasks of the service: two, so that one serves while the other is moved.
REPLICAS = 2
_CREATE = (
    "service", "create", "--detach", "--quiet", "--init", "--endpoint-mode", "dnsrr",
    "--publish", "mode=host,target=80", "--update-order", "start-first", "--update-monitor", "2s",
    "--update-failure-action", "rollback", "--rollback-order", "start-first", "--rollback-monitor", "2s",
    "--restart-delay", "1s", "--stop-grace-period", "2s",
)  # fmt: skip
_APPLETS = ("cat", "echo", "grep", "httpd", "mkdir", "sed", "sh", "sleep", "wget")


class DockerStage:
    """Everything that is up while the demo runs on Docker."""

    def __init__(self, data: Path) -> None:
        self._data = data / "registry"
        # Docker's library has types for some of its methods only.
        self._client: Any = docker.from_env(timeout=60)
        self._registry: subprocess.Popen[bytes] | None = None
        self._front = Front(flavour.SERVICE, flavour.SERVICE_PORT)
        self.news: list[str] = []

    def start(self) -> None:
        """Bring it up, or find it as it was left.

        :raises ConfigurationError: something of it cannot be.
        """
        try:
            self._start_swarm()
            self._start_registry()
            self._make_base()
            self._make_service()
        except docker.errors.DockerException as error:
            raise ConfigurationError(f"the Docker engine: {error}") from None
        self._front.start()

    def stop(self) -> None:
        """Stop the service's tasks and the registry; swarm, service and images stay for the next start."""
        self._front.stop()
        scaled = self._docker("service", "scale", "--detach", f"{flavour.SERVICE}=0")
        if scaled.returncode:
            self.news.append(f"The service could not be stopped: {scaled.stderr.strip()}")
        if self._registry:
            self._registry.terminate()
            self._registry.wait(10)

    def _start_swarm(self) -> None:
        if self._client.info()["Swarm"]["LocalNodeState"] == "active":
            return
        self._client.swarm.init(advertise_addr="127.0.0.1", listen_addr="127.0.0.1:2377")
        self.news.append("Swarm mode was turned on; `docker swarm leave --force` ends it, and the demo's service.")

    def _start_registry(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        config = self._data / "config.yml"
        config.write_text(
            f"version: 0.1\nlog: {{level: error}}\nhttp: {{addr: '127.0.0.1:{flavour.REGISTRY_PORT}'}}\n"
            f"storage: {{filesystem: {{rootdirectory: '{self._data / 'storage'}'}}}}\n"
        )
        with (self._data / "log").open("ab") as log:
            words = ["setpriv", "--pdeathsig", "TERM", "docker-registry", "serve", str(config)]
            self._registry = subprocess.Popen(words, stdout=log, stderr=log)
        end = time.monotonic() + 20
        while time.monotonic() < end and self._registry.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", flavour.REGISTRY_PORT)) == 0:
                    return
            time.sleep(0.05)
        said = (self._data / "log").read_text(errors="replace")[-300:]
        where = f"port {flavour.REGISTRY_PORT}"
        raise ConfigurationError(f"{where}: the registry did not start ({said}); set DEMO_REGISTRY_PORT to another")

    def _make_base(self) -> None:
        """A root file system with busybox: the demo needs nothing from elsewhere."""
        try:
            self._client.images.get(BASE)
        except docker.errors.ImageNotFound:
            self._client.api.import_image_from_data(
                _busybox(), repository=BASE, tag="latest", changes=["ENV PATH=/bin", 'CMD ["sleep", "2147483647"]']
            )

    def _make_service(self) -> None:
        """The service as an operator would create it: two tasks, the new one first, back by itself when that fails."""
        if self._client.api.services(filters={"name": flavour.SERVICE}):
            done = self._docker("service", "scale", "--detach", f"{flavour.SERVICE}={REPLICAS}")
        else:
            done = self._docker(*_CREATE, "--name", flavour.SERVICE, "--replicas", str(REPLICAS), BASE)
        if done.returncode:
            raise ConfigurationError(f"docker service: {done.stderr.strip()}")

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)


def _busybox() -> bytes:
    program = shutil.which("busybox")
    assert program is not None
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(Path(program).resolve(), "bin/busybox")
        for applet in _APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(link)
        for name in ("src", "tmp", "www"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
    return buffer.getvalue()
