"""`compose.yaml` as people start it: all of it on one host."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import images
from tests.docker_real import RealEngine, engine, unique, wait_for
from tests.e2e.harness import ROOT, free_port
from tests.real import required

__all__ = ["engine"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Project:
    """A project of `compose.yaml`."""

    def __init__(self, directory: Path, engine: RealEngine) -> None:
        self.engine = engine
        self.name = unique("team")
        self.port = free_port()
        for name in ("database_password", "secret_key"):
            (directory / name).write_text("correct-horse-battery-staple\n")
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "DEPLOYER_IMAGE": images.deployer(engine),
            "DEPLOYER_PORT": str(self.port),
            "DEPLOYER_SECRETS": str(directory),
            "DEPLOYER_START_TIMEOUT": "900",
            "DOCKER_GROUP": str(engine.socket.stat().st_gid),
            "DOCKER_HOST": engine.url,
            "DOCKER_SOCKET": str(engine.socket),
            "POSTGRES_IMAGE": images.stores(engine),
            "REDIS_IMAGE": images.STORES,
        }

    def do(self, *words: str, check: bool = True) -> str:
        command = [required("docker-compose", "docker-compose"), "--file", str(ROOT / "compose.yaml"), *words]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def ready(self) -> dict[str, bool]:
        """What `/readyz` tells; nothing while nobody answers."""
        try:
            answer = requests.get(f"http://127.0.0.1:{self.port}/readyz", timeout=60)
            return {check["name"]: check["ok"] for check in answer.json()["checks"]}
        except (requests.RequestException, json.JSONDecodeError):
            return {}

    def ports(self) -> dict[str, Any]:
        """What is published, by service."""
        listed = self.engine.client().containers.list(filters={"label": f"com.docker.compose.project={self.name}"})
        return {
            each.labels["com.docker.compose.service"]: {k: v for k, v in each.ports.items() if v} for each in listed
        }


@pytest.fixture
def project(tmp_path: Path, engine: RealEngine) -> Iterator[Project]:
    made = Project(tmp_path, engine)
    yield made
    made.do("down", "--volumes", "--timeout", "10", check=False)


def test_all_of_it_starts_from_nothing_and_bears_a_database_that_goes_away(project: Project) -> None:
    project.do("up", "--detach", "--no-build")
    try:
        wait_for(lambda: project.ready() and all(project.ready().values()), "all to be ready", 900)
    except AssertionError as error:
        raise AssertionError(f"{error}: {project.ready()}\n{project.do('logs', '--tail', '30')}") from None
    ports = project.ports()
    assert ports.pop("web") == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(project.port)}]}
    assert ports == {"runner": {}, "qcluster": {}, "database": {}, "redis": {}}, "nothing else is published"
    assert project.do("exec", "-T", "runner", "docker", "version", "--format", "{{.Server.Version}}").strip()
    assert "Cannot connect" in project.do("exec", "-T", "web", "docker", "version", check=False)
    for role in ("web", "runner", "qcluster"):
        assert project.do("exec", "-T", role, "deployer", "healthy").startswith(f"{role}: ")

    project.do("stop", "database")
    wait_for(lambda: project.ready().get("database") is False, "the web to miss the database", 120)
    assert "not ready: database" in project.do("exec", "-T", "web", "deployer", "healthy"), (
        "it is not restarted for that"
    )
    project.do("start", "database")
    wait_for(lambda: project.ready() and all(project.ready().values()), "all to be ready again", 300)
