"""The conformance classes find what a plugin does wrong: each test here is a plugin that is wrong in one way."""

import asyncio
from pathlib import Path

import pytest

from core.interfaces import Builder, Deployer
from core.operation_values import BuildRequest, Context, DeployRequest, PublishRequest
from core.states import Health
from core.testing.conformance.builders import BuilderConformance, Sample
from core.testing.conformance.deployers import DeployerConformance
from core.values import Observation, Options, Release, ServicePlace

ONE, TWO = (Release(image="sample/image:live", digest="sha256:" + digit * 64) for digit in "12")
SERVICE = ServicePlace(name="sample", options=Options())


class CarelessBuilder(Builder):
    """Hands its own environment to the build, takes a failure for a success, and publishes a tag."""

    kind = "careless"
    Options = Options

    async def build(self, request: BuildRequest, context: Context) -> str:
        await request.checkout(context.scratch / "source")
        process = await asyncio.create_subprocess_exec(
            "sh", "script", cwd=context.scratch / "source", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        context.log.write(output)
        return "done"

    async def publish(self, request: PublishRequest, context: Context) -> str:
        return request.image


class CarelessDeployer(Deployer):
    """Believes that whatever it was told to deploy runs, and forgets nothing else."""

    kind = "careless"
    Options = Options

    def __init__(self) -> None:
        self.running: dict[str, str] = {}

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        return Observation(digest=self.running.get(service.name), health=Health.HEALTHY)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        self.running[request.service.name] = request.release.digest


class ForgetfulDeployer(CarelessDeployer):
    """Does nothing at all."""

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        return


def sample(tmp_path: Path, script: str) -> Sample:
    files = tmp_path / "files"
    files.mkdir()
    (files / "script").write_text(script)
    return Sample(files, Options())


async def test_a_failure_that_is_taken_for_a_success(tmp_path: Path) -> None:
    failing = sample(tmp_path, "echo this build fails on purpose; exit 1")
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await BuilderConformance().test_a_failing_build_stalls_and_its_output_is_in_the_log(
            CarelessBuilder(), failing, "linux/amd64", tmp_path
        )


async def test_an_environment_that_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError, match="that-nobody-may-see"):
        await BuilderConformance().test_a_check_build_sees_no_secret_of_the_deployer(
            CarelessBuilder(), sample(tmp_path, "env"), "linux/amd64", tmp_path, monkeypatch
        )


async def test_a_tag_in_the_place_of_a_digest(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        await BuilderConformance().test_a_good_commit_is_built_and_published_by_digest(
            CarelessBuilder(), sample(tmp_path, "true"), "linux/amd64", tmp_path
        )


async def test_a_broken_release_that_is_believed_in(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await DeployerConformance().test_a_broken_release_is_refused_and_the_former_still_runs(
            CarelessDeployer(), SERVICE, (ONE, TWO), TWO, tmp_path
        )


async def test_health_that_is_claimed_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        await DeployerConformance().test_an_unknown_service_is_observed_as_nothing(
            CarelessDeployer(), SERVICE, tmp_path
        )


async def test_a_deployment_that_did_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.testing.conformance.deployers.SETTLES_IN", 0)
    with pytest.raises(AssertionError, match="expected sha256:111"):
        await DeployerConformance().test_what_was_deployed_is_observed(
            ForgetfulDeployer(), SERVICE, (ONE, TWO), tmp_path
        )
