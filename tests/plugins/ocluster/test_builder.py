"""Images built on a cluster whose workers push to a real registry."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from core.api import Purpose, Stalled
from plugins.ocluster.builder import OClusterBuilder
from plugins.ocluster.options import BuilderOptions
from tests.docker_real import RealRegistry, unique
from tests.ocluster_server.scheduler import Scheduler
from tests.plugins.cluster import COMMIT, build_request, context, publish_request

PLATFORMS = {"linux/amd64": "linux-x86_64", "linux/arm64": "linux-arm64"}


def read(registry: RealRegistry, repository: str, reference: str) -> requests.Response:
    return requests.get(
        f"http://{registry.name}/v2/{repository}/manifests/{reference}",
        auth=(registry.username, registry.password),
        headers={
            "Accept": "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json"
        },
        timeout=10,
    )


async def test_a_check_build_pushes_nothing_and_sees_no_secret(
    cluster: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_TOKEN", "a-long-secret")
    options = BuilderOptions(secrets=("token",))
    asked = build_request(options, purpose=Purpose.CHECK, trusted=False, image=None, args={"VERSION": "1"})
    await OClusterBuilder().build(asked, context(tmp_path)[0])
    [job] = cluster.jobs()
    told = job.description
    assert (told.push_target, told.push_user, told.push_password, told.secrets) == ("", "", "", {})
    assert (told.repository, told.commits) == ("https://git.example/acme/shop.git", (COMMIT.hash,))
    assert (told.build_args, told.cache_hint) == (
        ("VERSION=1",),
        "https://git.example/acme/shop.git-Dockerfile",
    )
    assert not job.urgent


async def test_a_release_of_two_platforms_becomes_one_index_of_what_the_workers_pushed(
    cluster: Scheduler, closed_registry: RealRegistry, tmp_path: Path
) -> None:
    builder, options, image = OClusterBuilder(), BuilderOptions(), f"{closed_registry.name}/{unique('shop')}:live"
    artifacts = {}
    for platform, pool in PLATFORMS.items():
        where, log = context(tmp_path)
        artifacts[platform] = await builder.build(build_request(options, platform=platform, image=image), where)
        assert f"-live-{pool}" in " ".join(log.notes)
    assert [(job.pool, job.urgent) for job in cluster.jobs()] == [(pool, True) for pool in PLATFORMS.values()]
    where, log = context(tmp_path)
    digest = await builder.publish(publish_request(options, image, artifacts), where)
    repository = image.partition("/")[2].rpartition(":")[0]
    answer = read(closed_registry, repository, "live")
    assert answer.headers["Docker-Content-Digest"] == digest
    found = {
        f"{each['platform']['os']}/{each['platform']['architecture']}": each["digest"]
        for each in answer.json()["manifests"]
    }
    assert found == {platform: artifact.partition("@")[2] for platform, artifact in artifacts.items()}
    for each in found.values():
        assert read(closed_registry, repository, each).ok, "the services' host finds it under the target's name"


async def test_releases_see_secrets_and_no_log_shows_them(
    cluster: Scheduler, closed_registry: RealRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_TOKEN", "a-long-secret")
    cluster.script(log=f"token a-long-secret, password {closed_registry.password}\n".encode())
    where, log = context(tmp_path)
    await OClusterBuilder().build(build_request(BuilderOptions(secrets=("token",))), where)
    [job] = cluster.jobs()
    assert job.description.secrets == {"token": "a-long-secret"}
    assert (job.description.push_user, job.description.push_password) == ("ann", closed_registry.password)
    assert "token " in log.text
    assert "a-long-secret" not in log.text
    assert closed_registry.password not in log.text


async def test_a_secret_that_there_is_not_is_told_by_its_file(cluster: Scheduler, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match=r"recipe 'shop' needs the secret 'token': put it into .*/token"):
        await OClusterBuilder().build(build_request(BuilderOptions(secrets=("token",))), context(tmp_path)[0])
    assert cluster.jobs() == []


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DEPLOYER_SECRET_OCLUSTER_STAGING", None, "workers cannot push to .*`user:password` into .*/ocluster_staging"),
        ("DEPLOYER_SECRET_OCLUSTER_STAGING", "ann", "the secret ocluster_staging has to be `user:password`"),
        ("DEPLOYER_OCLUSTER_STAGING", None, "option `staging` or by DEPLOYER_OCLUSTER_STAGING"),
    ],
)
async def test_what_releases_need_to_be_pushed_is_told_before_anything_is_built(
    cluster: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    variable: str,
    value: str | None,
    said: str,
) -> None:
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    with pytest.raises(Stalled, match=said):
        await OClusterBuilder().build(build_request(BuilderOptions()), context(tmp_path)[0])
    assert cluster.jobs() == []


async def test_a_registry_that_refuses_the_worker_is_told(
    cluster: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_OCLUSTER_STAGING", "ann:another")
    where, log = context(tmp_path)
    with pytest.raises(Stalled):
        await OClusterBuilder().build(build_request(BuilderOptions()), where)
    assert "401" in log.text


async def test_a_worker_that_answers_no_digest_publishes_nothing(
    cluster: Scheduler, closed_registry: RealRegistry, tmp_path: Path
) -> None:
    image = f"{closed_registry.name}/{unique('shop')}:live"
    asked = publish_request(BuilderOptions(), image, {"linux/amd64": f"{closed_registry.name}/staging:x"})
    with pytest.raises(Stalled, match="which is no image by its digest"):
        await OClusterBuilder().publish(asked, context(tmp_path)[0])


async def test_a_repository_that_workers_cannot_clone_is_told(cluster: Scheduler, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match="give its source one that begins with https://"):
        await OClusterBuilder().build(build_request(BuilderOptions(), clone_url=""), context(tmp_path)[0])


async def test_what_an_administrator_knows_is_in_the_sentence_of_a_build_that_waits(
    cluster: Scheduler, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DEPLOYER_OCLUSTER_ADMIN", str(cluster.admin_file))
    builder = OClusterBuilder()
    pools = {pool.name: pool for pool in await builder.pools() or ()}
    assert set(PLATFORMS.values()) <= set(pools)
    assert [(worker.name, worker.state) for worker in pools["linux-arm64"].workers] == [("arm-1", "active")]
    cluster.pause_workers()
    heard: list[str] = []
    where = replace(context(tmp_path)[0], waits=heard.append)
    building = asyncio.create_task(builder.build(build_request(BuilderOptions()), where))
    await cluster.until(len)
    async with asyncio.timeout(20):
        while not any(reason.startswith("Waits for a worker") for reason in heard):
            await asyncio.sleep(0.02)
    await builder.pools()
    assert heard[-1] == "Waits for a worker of pool linux-x86_64. It has no active worker: x86-1 is paused."
    cluster.resume_workers()
    await building
    assert heard[-1] == ""


def test_at_most_200_builds_of_a_pool_and_urgency_are_at_the_scheduler() -> None:
    builder, options = OClusterBuilder(), BuilderOptions()
    assert builder.capacity == 200
    places = {builder.place("linux/amd64", options, purpose) for purpose in Purpose}
    assert places == {"linux-x86_64", "linux-x86_64, urgent"}
