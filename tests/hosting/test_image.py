"""The image that the Dockerfile makes: without rights, on a file system that it cannot write to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests import images
from tests.docker_real import RealEngine, engine, unique, wait_for

__all__ = ["engine"]

#: As in `compose.yaml`.
CONFINED = {
    "read_only": True,
    "tmpfs": {"/tmp": "mode=1777"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}


@pytest.fixture(scope="module")
def image(engine: RealEngine) -> str:
    return images.deployer(engine)


@pytest.fixture
def volume(engine: RealEngine) -> Iterator[Any]:
    made = engine.client().volumes.create(unique("data"))
    yield made
    made.remove(force=True)


@pytest.mark.timeout(900)
def test_it_says_what_it_is_and_who_it_runs_as(engine: RealEngine, image: str) -> None:
    config = engine.client().images.get(image).attrs["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"] == ["tini", "--", "deployer"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "deployer", "healthy"]
    assert config["Labels"]["org.opencontainers.image.revision"] == "tests"
    found = engine.cli(
        "run", "--rm", "--read-only", "--entrypoint", "sh", image, "-c",
        "id -u; for each in git ssh rsync docker setpriv bwrap; do command -v $each >/dev/null || echo no $each; done;"
        " ls /opt/deployer/lib/python3*/site-packages | grep -cx tests",
        check=False,
    )  # fmt: skip
    assert found.split() == ["10001", "0"]


@pytest.mark.timeout(900)
def test_it_serves_from_a_volume_is_healthy_and_ends_when_it_is_told_to(
    engine: RealEngine, image: str, volume: Any
) -> None:
    client = engine.client()
    how: dict[str, Any] = {**CONFINED, "volumes": {volume.name: {"bind": "/var/lib/deployer", "mode": "rw"}}}
    client.containers.run(image, ["prepare"], remove=True, **how)
    web = client.containers.run(
        image,
        ["run_web", "--host", "0.0.0.0"],
        detach=True,
        environment={"DEPLOYER_ALLOWED_HOSTS": "deploy.example.org"},
        healthcheck={"test": ["CMD", "deployer", "healthy"], "interval": 10**9, "timeout": 60 * 10**9, "retries": 10},
        **how,
    )
    try:
        wait_for(lambda: client.api.inspect_container(web.id)["State"]["Health"]["Status"] == "healthy", "health", 300)
        said = client.api.inspect_container(web.id)["State"]["Health"]["Log"][-1]["Output"]
        assert said.startswith("web: it answers; not ready: runner: None is alive")
        address = client.api.inspect_container(web.id)["NetworkSettings"]["IPAddress"]
        answer = requests.get(f"http://{address}:8000/", headers={"Host": "deploy.example.org"}, timeout=60)
        assert answer.status_code == 200
        web.stop(timeout=60)
        assert client.api.inspect_container(web.id)["State"]["ExitCode"] in (0, 143), "it was not killed"
    finally:
        web.remove(force=True)
