"""What the stand-in's workers push is really in the registry."""

from __future__ import annotations

import hashlib

import pytest
import requests

from tests.docker_real import RealRegistry, closed_registry, plain_registry
from tests.ocluster_server.client import submissions, submit
from tests.ocluster_server.fixtures import scheduler as scheduler
from tests.ocluster_server.push import Image, PushError, push
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler

__all__ = ["closed_registry", "plain_registry"]
IMAGE = Image(architecture="arm64", layer=b"", command=("/bin/true",), built="shop at 1234")


def get(registry: RealRegistry, path: str) -> requests.Response:
    headers = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    auth = (registry.username, registry.password) if registry.username else None
    answer = requests.get(f"http://{registry.name}/v2/{path}", headers=headers, auth=auth, timeout=20)
    answer.raise_for_status()
    return answer


async def test_a_pushed_build_answers_the_digest_of_an_image_for_its_platform(
    scheduler: Scheduler, closed_registry: RealRegistry
) -> None:
    target = f"{closed_registry.name}/acme/staging:live-shop-linux-arm64"
    async with submissions(scheduler) as submission:
        password = closed_registry.password
        job = await submit(submission, "linux-arm64", pushTarget=target, pushUser="ann", pushPassword=password)
        output = (await job.result).output
        assert f'Pushing to "{target}" as user "ann"'.encode() in await job.log()
    name, _, digest = output.partition("@")
    assert name == f"{closed_registry.name}/acme/staging"
    manifest = get(closed_registry, "acme/staging/manifests/live-shop-linux-arm64")
    assert f"sha256:{hashlib.sha256(manifest.content).hexdigest()}" == digest
    assert len(manifest.json()["layers"]) == 1
    config = get(closed_registry, f"acme/staging/blobs/{manifest.json()['config']['digest']}").json()
    assert (config["architecture"], config["os"]) == ("arm64", "linux")
    [record] = scheduler.jobs()
    assert (record.output, record.description.push_password) == (output, password)


async def test_a_push_that_is_refused_fails_the_build(scheduler: Scheduler, closed_registry: RealRegistry) -> None:
    target = f"{closed_registry.name}/acme/staging:live"
    async with submissions(scheduler) as submission:
        job = await submit(submission, pushTarget=target, pushUser="ann", pushPassword="wrong")
        log = await job.log()
        await scheduler.until(lambda jobs: jobs[0].state is State.FAILED)
    assert b" 401 " in log
    assert b"wrong" not in log


async def test_a_push_without_a_user_answers_nothing(scheduler: Scheduler) -> None:
    async with submissions(scheduler) as submission:
        assert (await (await submit(submission, pushTarget="acme/staging:live")).result).output == ""


def test_the_same_build_has_the_same_digest_and_another_one_another(plain_registry: RealRegistry) -> None:
    target = f"{plain_registry.name}/acme/staging:live"
    once = push(IMAGE, target, "ann", "x")
    assert push(IMAGE, target, "ann", "x") == once
    other = Image(architecture="arm64", layer=b"", command=("/bin/true",), built="shop at 5678")
    assert push(other, target, "ann", "x") != once


def test_a_registry_that_cannot_be_reached_is_told() -> None:
    with pytest.raises(PushError):
        push(IMAGE, "127.0.0.1:1/acme/staging:live", "ann", "x")
