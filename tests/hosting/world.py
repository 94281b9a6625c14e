"""The deployer as a stack on a real swarm, with a flavour that deploys it: the one of the documentation's example."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker

from containers.registry.settings import CERTIFICATES
from core.testing.git_server import GitServer, WorkTree
from tests import images
from tests.docker_real import ADDRESS, RealEngine, RealRegistry, registry, unique
from tests.e2e.harness import ROOT, free_port

EXAMPLE = ROOT / "docs" / "examples" / "own-deployer"
NAME = "acme/deployer"
#: The processes of the deployer, in the order in which the example moves them.
PROCESSES = ("web", "qcluster", "runner")


class Stack:
    """One stack of `stack.yaml`.

    :param work: the repository of its own image; what is pushed to its branch `live` is deployed.
    """

    def __init__(self, directory: Path, engine: RealEngine, server: GitServer, trusted: RealRegistry) -> None:
        self.engine = engine
        self.name = unique("own")
        self._directory = directory
        self._registry = trusted
        self._password = "correct-horse"
        server.create(NAME)
        self.work = WorkTree(directory / "work", server.url(NAME))
        self._base = images.deployer(engine)
        for name in ("Dockerfile", "pyproject.toml", "own_flavour.py"):
            self.work.write(name, self._own((EXAMPLE / name).read_text(), server.url(NAME)))
        # A registry with an authority of its own, as many have one.
        assert trusted.authority
        self.work.write("ca.crt", trusted.authority.read_text())
        self.change(f"COPY ca.crt {CERTIFICATES / trusted.name}/ca.crt")

    def _own(self, text: str, url: str) -> str:
        here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
        for old, new in {
            "registry.example.org/deployer:0.1.0": self._base,
            "https://git.example.org/acme/deployer.git": url,
            "registry.example.org": self._registry.name,
            'STACK = "deployer"': f'STACK = "{self.name}"',
            'builder=Use("docker"),': f'builder=Use("docker"), platforms=["{here}"],',
        }.items():
            text = text.replace(old, new)
        return text

    def change(self, *lines: str) -> str:
        """Add lines to the Dockerfile, commit, and answer the commit."""
        file = self.work.path / "Dockerfile"
        self.work.write("Dockerfile", "\n".join([file.read_text().rstrip(), *lines, ""]))
        return self.work.commit(lines[0])

    def refuse(self, process: str) -> str:
        """Commit an image whose process does not start, while the others do."""
        script = f'#!/bin/sh\n[ "$1" = run_{process} ] && {{ echo no such thing >&2; exit 3; }}\nexec tini -- deployer "$@"\n'
        self.work.write("start", script)
        (self.work.path / "start").chmod(0o755)
        return self.change("COPY start /start", 'ENTRYPOINT ["/start"]')

    # Its life

    def start(self) -> None:
        """Start it from an image that nobody has published."""
        image = f"{self.name}:first"
        images.build(self.engine, ["build", "--tag", image, str(self.work.path)])
        for name in ("database_password", "secret_key"):
            path = self._directory / name
            path.write_text(self._password)
            self.engine.cli("secret", "create", f"{self.name}_{name}", str(path))
        environment = {
            "DEPLOYER_IMAGE": image,
            "DEPLOYER_PORT": str(free_port()),
            "DEPLOYER_FLAVOURS": "own",
            "DOCKER_GROUP": str(self.engine.socket.stat().st_gid),
            "DOCKER_SOCKET": str(self.engine.socket),
            "POSTGRES_IMAGE": images.stores(self.engine),
            "REDIS_IMAGE": images.STORES,
            "SECRETS_PREFIX": self.name,
            "HEALTH_INTERVAL": "2s",
            # Long enough for the old runner to hear of its end before the swarm says that the update is over.
            "UPDATE_MONITOR": "5s",
            # Many times as long as it takes: other tests may have the processors.
            "DEPLOYER_START_TIMEOUT": "900",
            "START_PERIOD": "900s",
            "HEALTH_TIMEOUT": "60s",
        }
        words = ["stack", "deploy", "--resolve-image", "never", "--compose-file", str(ROOT / "stack.yaml"), self.name]
        self.engine.cli(*words, environment=environment)

    def remove(self) -> None:
        """Remove all that there is of it."""
        client = self.engine.client()
        self.engine.cli("stack", "rm", self.name, check=False)
        for container in client.containers.list(all=True, filters={"label": f"com.docker.stack.namespace={self.name}"}):
            with suppress(docker.errors.APIError):
                container.remove(force=True)
        for name in ("database_password", "secret_key"):
            self.engine.cli("secret", "rm", f"{self.name}_{name}", check=False)
        for name in ("data", "database"):
            self.engine.cli("volume", "rm", "--force", f"{self.name}_{name}", check=False)

    # What it does

    def service(self, process: str) -> Any:
        return self.engine.client().services.get(f"{self.name}_{process}")

    def update(self, process: str) -> str:
        """The state of a service's latest update; empty for none."""
        return str((self.service(process).attrs.get("UpdateStatus") or {}).get("State", ""))

    def image(self, process: str) -> str:
        return str(self.service(process).attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    def containers(self, process: str) -> list[Any]:
        """The running containers of a service."""
        service = f"com.docker.swarm.service.name={self.name}_{process}"
        return list(self.engine.client().containers.list(filters={"label": service}))

    def run(self, process: str, *words: str) -> str:
        """Run a command in a container of a service; empty where that is not possible now."""
        for container in self.containers(process):
            with suppress(docker.errors.APIError):
                done = container.exec_run(list(words), environment={"PGPASSWORD": self._password})
                if done.exit_code == 0:
                    return str(done.output.decode())
        return ""

    def query(self, sql: str) -> list[list[str]]:
        """Ask the database."""
        words = ("psql", "--host=127.0.0.1", "--username=deployer", "--no-align", "--tuples-only", f"--command={sql}")
        return [line.split("|") for line in self.run("database", *words).splitlines()]

    def deployments(self, process: str) -> list[list[str]]:
        """State and digest of each deployment of a process, the oldest first."""
        return self.query(
            "select j.state, d.digest from core_deployment d join core_job j on j.id = d.job_id join core_service s"
            f" on s.id = d.service_id where s.name = '{self.name}_{process}' order by d.id"
        )

    def logs(self, kind: str) -> list[str]:
        """The logs of all jobs of a kind."""
        root = self.engine.directory / "data" / "volumes" / f"{self.name}_data" / "_data" / "logs"
        return [path.read_text(errors="replace") for path in sorted(root.rglob(f"*-{kind}.log"))]

    def told(self) -> str:
        """All that explains a failure."""
        lines = [self.engine.cli("stack", "ps", self.name, "--no-trunc", check=False)]
        for process in (*PROCESSES, "database"):
            lines += [
                f"{process}:",
                self.engine.cli("service", "logs", "--tail", "30", f"{self.name}_{process}", check=False),
            ]
        lines += map(str, self.query("select id, kind, state, title, reason from core_job order by id"))
        lines += map(str, self.query("select name, look_error from core_repository"))
        return "\n".join([*lines, *self.logs("deployment"), *self.logs("release")[-1:]])[-20000:]


@contextmanager
def trusted_registry(directory: Path) -> Iterator[RealRegistry]:
    """A registry that the engine's containers reach as the engine does, and that the engine believes."""
    with registry(directory, tls=True, address=ADDRESS) as real:
        certificates = CERTIFICATES / real.name
        certificates.mkdir(parents=True)
        assert real.authority
        shutil.copy(real.authority, certificates / "ca.crt")
        try:
            yield real
        finally:
            shutil.rmtree(certificates)


@contextmanager
def stack(directory: Path, engine: RealEngine) -> Iterator[Stack]:
    """A stack that is not started yet."""
    with trusted_registry(directory / "registry") as real, GitServer(directory / "git", address=ADDRESS) as server:
        made = Stack(directory, engine, server, real)
        try:
            yield made
        finally:
            made.remove()
