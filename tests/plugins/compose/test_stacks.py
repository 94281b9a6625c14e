"""A service on AWS ECS: what Docker's ECS integration is told, and how its answers are read.

The integration and AWS are played by a script: there is neither here. It answers as docker-archive/compose-cli's source
says, and writes down what it was given.
"""

import asyncio
import json
import signal
from pathlib import Path

import pytest
import yaml

from core.api import DeploymentFailed, DeployRequest, Health, OperationError, Release, ServicePlace, Stalled, Waiting
from core.testing.contexts import attempt_context
from core.testing.logs import RecordingLog
from plugins.compose.deployer import ComposeDeployer
from plugins.compose.options import ComposeOptions
from tests.plugins.compose.test_options import ECS

RELEASE = Release(image="registry.example.org/www", digest="sha256:" + "ab" * 32)
SCRIPT = """#!/bin/sh
echo "$*" >> {0}/asked
case "$*" in
  *" ls --format json") cat {0}/stacks;;
  *" ps --format json") cat {0}/tasks;;
  *" up") cat > {0}/file; env > {0}/environment; . {0}/up;;
esac
"""


class Cloud:
    """What the stand-in answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "bin").mkdir()
        (directory / "bin" / "docker").write_text(SCRIPT.format(directory))
        (directory / "bin" / "docker").chmod(0o755)
        self.answers(stacks=[], tasks=[])

    def answers(self, *, stacks: list[dict], tasks: list[dict] = (), up: str = "echo done") -> None:
        (self.directory / "stacks").write_text(json.dumps(stacks))
        (self.directory / "tasks").write_text("\n".join(map(json.dumps, tasks)))
        (self.directory / "up").write_text(up)

    def asked(self) -> list[str]:
        return (self.directory / "asked").read_text().splitlines()


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("AWS_PROFILE", "deployments")
    monkeypatch.setenv("TOKEN", "of the deployer")
    return cloud


@pytest.fixture
def service() -> ServicePlace:
    return ServicePlace(name="www", host="ecs-www", options=ComposeOptions.model_validate({"ecs": ECS}))


async def deploy(service: ServicePlace, tmp_path: Path, log: RecordingLog | None = None) -> None:
    await ComposeDeployer().deploy(DeployRequest(service=service, release=RELEASE), attempt_context(tmp_path, log))


async def test_the_stack_is_brought_to_the_release(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    await deploy(service, tmp_path)
    assert cloud.asked() == [
        "--context ecs-www compose -p www ls --format json",
        "--context ecs-www compose -p www -f - up",
    ]
    file = yaml.safe_load((tmp_path / "file").read_text())
    assert file["services"]["live"]["image"] == RELEASE.reference
    environment = (tmp_path / "environment").read_text().splitlines()
    assert "AWS_PROFILE=deployments" in environment
    assert not [line for line in environment if line.startswith("TOKEN")]


async def test_a_stack_that_is_so_already_is_fine(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    said = "The submitted information didn't contain changes. Submit different information to create a change set."
    cloud.answers(stacks=[{"Name": "www", "Status": "Running"}], up=f'echo "{said}"; exit 1')
    log = RecordingLog()
    await deploy(service, tmp_path, log)
    assert "the stack was so already" in log.notes


async def test_what_cloudformation_refuses_is_told(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    cloud.answers(stacks=[], up="echo LiveService CREATE_FAILED; exit 1")
    log = RecordingLog()
    with pytest.raises(DeploymentFailed, match="status 1; CloudFormation goes back to what ran before by itself"):
        await deploy(service, tmp_path, log)
    assert "LiveService CREATE_FAILED" in log.text


async def test_a_stack_that_is_being_changed_is_waited_for(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    cloud.answers(stacks=[{"Name": "other", "Status": "Running"}, {"Name": "www", "Status": "Updating"}])
    with pytest.raises(Waiting, match="CloudFormation still changes the stack www"):
        await deploy(service, tmp_path)


async def test_cancelling_never_asks_the_integration_to_end(
    cloud: Cloud, service: ServicePlace, tmp_path: Path
) -> None:
    """Asked to end, it would delete the whole stack."""
    up = "trap 'echo deleted > {0}/deleted; exit' TERM INT; echo watching; touch {0}/started; "
    up += "while [ ! -e {0}/enough ]; do sleep 0.05; done; echo over > {0}/over"
    cloud.answers(stacks=[], up=up.format(tmp_path))
    log = RecordingLog()
    move = asyncio.create_task(deploy(service, tmp_path, log))
    async with asyncio.timeout(20):
        while not (tmp_path / "started").exists():
            await asyncio.sleep(0.02)
        move.cancel()
        await asyncio.wait({move})
        (tmp_path / "enough").touch()
        while not (tmp_path / "over").exists():
            await asyncio.sleep(0.02)
    assert not (tmp_path / "deleted").exists(), f"it got {signal.SIGTERM!r}"
    assert any("CloudFormation goes on by itself" in note for note in log.notes)


@pytest.mark.parametrize(
    ("states", "health"),
    [
        (["Running", "Running"], Health.HEALTHY),
        (["Running", "Pending"], Health.STARTING),
        (["Stopped"], Health.UNHEALTHY),
        ([], Health.UNHEALTHY),
    ],
)
async def test_its_tasks_are_counted(
    cloud: Cloud, service: ServicePlace, tmp_path: Path, states: list[str], health: Health
) -> None:
    cloud.answers(stacks=[{"Name": "www", "Status": "Running"}], tasks=[{"State": state} for state in states])
    seen = await ComposeDeployer().observe(service, tmp_path)
    assert (seen.digest, seen.health) == (None, health)
    assert seen.detail == f"{states.count('Running')} of 2 tasks running; ECS does not tell which image"


async def test_no_stack_is_told(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    assert (await ComposeDeployer().observe(service, tmp_path)).health is Health.ABSENT


async def test_an_answer_that_is_none_may_pass(cloud: Cloud, service: ServicePlace, tmp_path: Path) -> None:
    (tmp_path / "stacks").write_text("<html>")
    with pytest.raises(OperationError, match="what is not JSON"):
        await ComposeDeployer().observe(service, tmp_path)


@pytest.mark.parametrize("host", ["", "-H", "a b", "ssh://x"])
async def test_its_host_is_a_docker_context(cloud: Cloud, service: ServicePlace, tmp_path: Path, host: str) -> None:
    with pytest.raises(Stalled, match="is no Docker context"):
        await ComposeDeployer().observe(ServicePlace(name="www", host=host, options=service.options), tmp_path)
