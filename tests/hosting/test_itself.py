"""A runner that moves its own service: the short form of `test_self_deployment`, with images of a few kilobytes.

The containers have this machine's own file system mounted over that of their image, so that no image of the deployer has
to be built. What the swarm does with them is the same: it ends the process that asked it to.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.testing.git_server import GitServer
from tests.docker_real import BASE, RealEngine, RealRegistry, engine, plain_registry, unique
from tests.e2e.harness import ROOT, Pipeline

__all__ = ["engine", "plain_registry"]

FLAVOUR = """
from core.api import Flavour, Recipe, Repository, Service, Target, Use

services = [Service("{name}", Use("docker_swarm"))]
target = Target("live", "{registry}/{name}:live", services)
recipe = Recipe("image", Use("docker"), platforms=["{platform}"], targets=[target])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe])])
"""
#: What the service's health check is, as in the stack, but for a machine that has other things to do.
HEALTH = (
    "--health-interval",
    "1s",
    "--health-timeout",
    "60s",
    "--health-retries",
    "10",
    "--health-start-period",
    "300s",
)


class Itself(Pipeline):
    """A runner as a service of the swarm; the database is a file."""

    def __init__(self, directory: Path, server: GitServer, engine: RealEngine, registry: RealRegistry) -> None:
        self.name = unique("itself")
        here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
        declared = FLAVOUR.replace("{name}", self.name).replace("{registry}", registry.name)
        super().__init__(directory, server, declared.replace("{platform}", here))
        self.engine = engine
        self.environment |= {
            "DEPLOYER_FLAVOURS": "acme",
            "DEPLOYER_LEASE_SECONDS": "30",
            "DEPLOYER_LIFE_DIR": "/dev/shm",
            "DEPLOYER_START_TIMEOUT": "300",
            "DOCKER_HOST": engine.url,
        }

    def begin(self) -> None:
        """Make the database, and the service with one runner."""
        prepared = self.command("prepare")
        assert prepared.returncode == 0, prepared.stderr
        manage = [sys.executable, str(ROOT / "manage.py")]
        words = ["service", "create", "--detach", "--name", self.name, "--network", "host", "--no-resolve-image"]
        words += ["--update-order", "stop-first", "--update-failure-action", "rollback", "--update-monitor", "1s"]
        words += [*HEALTH, "--health-cmd", " ".join([*manage, "healthy", "runner"])]
        needed = (
            "/usr",
            "/bin",
            "/lib",
            "/lib64",
            "/etc",
            ROOT,
            sys.prefix,
            sys.base_prefix,
            self.data,
            self.engine.directory,
        )
        for top in sorted({Path("/", *Path(path).resolve().parts[1:2]) for path in needed}):
            words += ["--mount", f"type=bind,source={top},target={top}"]
        # Where these are links here, programs look for them all the same.
        for link in ("/bin", "/lib", "/lib64"):
            words += ["--mount", f"type=bind,source={Path(link).resolve()},target={link}"]
        for name, value in self.environment.items():
            if name.startswith("DEPLOYER_") or name in ("DOCKER_HOST", "PATH", "PYTHONPATH", "HOME"):
                words += ["--env", f"{name}={value}"]
        self.engine.cli(*words, BASE, *manage, "run_runner")

    def end(self) -> None:
        self.engine.cli("service", "rm", self.name, check=False)

    def runners(self) -> list[str]:
        """The containers that run."""
        label = f"com.docker.swarm.service.name={self.name}"
        return [each.id for each in self.engine.client().containers.list(filters={"label": label})]

    def image(self) -> str:
        service: Any = self.engine.client().services.get(self.name)
        return str(service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"])

    def deployments(self) -> list[tuple[Any, ...]]:
        """State, reason, digest and log of each."""
        return self.query(
            "select j.state, j.reason, d.digest, j.log from core_deployment d join core_job j on j.id = d.job_id"
            " order by d.id"
        )

    def log(self, name: str) -> str:
        return (self.data / "logs" / name).read_text()

    def told(self) -> str:
        logs = [self.log(row[3]) for row in self.deployments() if (self.data / "logs" / row[3]).exists()]
        tasks = self.engine.cli("service", "ps", "--no-trunc", self.name, check=False)
        said = self.engine.cli("service", "logs", "--tail", "60", self.name, check=False)
        return "\n".join([super().told(), *logs, tasks, said])


@pytest.fixture
def itself(tmp_path: Path, engine: RealEngine, plain_registry: RealRegistry) -> Iterator[Itself]:
    with GitServer(tmp_path / "git") as server:
        made = Itself(tmp_path, server, engine, plain_registry)
        yield made
        made.end()


def push(itself: Itself, dockerfile: str) -> str:
    itself.work.write("Dockerfile", dockerfile)
    commit = itself.work.commit("Another image")
    itself.work.push("main:live")
    return commit


@pytest.mark.timeout(900)
def test_a_runner_that_is_replaced_by_its_own_deployment_leaves_it_to_the_new_one(itself: Itself) -> None:
    push(itself, f"FROM {BASE}\nENV WORD=one\n")
    itself.begin()
    ended(itself, ["succeeded"])
    [(_, _, first, name)] = itself.deployments()
    log = itself.log(name)
    assert itself.image().endswith(f"@{first}")
    assert log.count("moving it to") == 1, "it was moved once"
    handed_over = log.index("the runner is being stopped; the engine goes on, and the next attempt takes it up")
    assert handed_over < log.index("taken up by runner") < log.index("1 of 1 tasks running")
    assert log.rstrip().endswith("succeeded")

    [before] = itself.runners()
    assert itself.active() == 0
    push(itself, f'FROM {BASE}\nENTRYPOINT ["sh", "-c", "echo no such table; exit 3"]\n')
    # There are no schedules, which would have it looked at within a minute.
    look = (
        "from core import clock; from core.models import Repository; from core.services import heads; "
        "heads.ask(Repository.objects.all(), clock.now())"
    )
    assert itself.command("shell", "-c", look).returncode == 0
    ended(itself, ["succeeded", "failed"])
    _, reason, _, name = itself.deployments()[-1]
    assert "was rolled back while nobody watched" in reason
    assert "failed (exit code 3)" in reason
    log = itself.log(name)
    assert log.count("moving it to") == 1, "it is not tried again"
    assert log.index("moving it to") < log.index("taken up by runner") < log.index("no such table")
    assert itself.image().endswith(f"@{first}"), "the version before goes on"
    assert before not in itself.runners()
    assert itself.active() == 0


def ended(itself: Itself, states: list[str]) -> None:
    until: Callable[..., Any] = itself.until
    until(lambda: [row[0] for row in itself.deployments()] == states, seconds=420)
