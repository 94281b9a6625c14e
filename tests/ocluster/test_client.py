"""A build on the cluster, from its submission to its end."""

from __future__ import annotations

import asyncio

import pytest

from core.api import Stalled
from ocluster.client import Client
from tests.ocluster.builds import Build
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler


async def test_the_log_arrives_whole_and_in_order_and_the_output_is_answered(
    scheduler: Scheduler, client: Client
) -> None:
    scheduler.script(lines=5000, output="acme/staging@sha256:1111")
    build = Build(client)
    assert await build.ended() == "acme/staging@sha256:1111"
    lines = build.log.text.splitlines()
    numbered = [line for line in lines if line[:6].isdigit()]
    assert [line[:6] for line in numbered] == [f"{number:06}" for number in range(5000)]
    assert lines[-1] == "Job succeeded"
    assert build.waits[-1] == ""


async def test_a_log_that_is_still_written_is_handed_on_as_it_grows(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(lines=2, hangs=True)
    build = await Build(client).started()
    async with asyncio.timeout(10):
        while "000001" not in build.log.text:
            await asyncio.sleep(0.01)
    assert not build.task.done()
    scheduler.finish(scheduler.jobs()[0])
    await build.ended()
    assert build.log.text.endswith("Job succeeded\n")


async def test_bytes_that_are_no_text_and_characters_cut_in_two_arrive_as_they_were(
    scheduler: Scheduler, client: Client
) -> None:
    # One read brings 10,240 bytes at most, and none of these characters' ends is a multiple of that.
    scheduler.script(lines=0, log="€".encode() * 20_000 + b"\ncaf\xe9\n")
    build = Build(client)
    await build.ended()
    assert "€" * 20_000 + "\ncaf�\n" in build.log.text


async def test_a_build_that_fails_says_why_in_its_log(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(fail="The command '/bin/sh -c make' returned a non-zero code: 2")
    build = Build(client)
    with pytest.raises(Stalled, match="Build failed"):
        await build.ended()
    assert "returned a non-zero code: 2" in build.log.text


async def test_a_reason_in_another_encoding_does_not_end_the_follower(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(reason=b"caf\xe9 \xff")
    with pytest.raises(Stalled, match="caf"):
        await Build(client).ended()
    process = client.process
    scheduler.script(output="fine")
    assert (await Build(client).ended(), client.process) == ("fine", process)


async def test_many_builds_at_once_share_a_connection_and_mix_nothing(scheduler: Scheduler, client: Client) -> None:
    for number in range(40):
        scheduler.script(
            lines=20,
            log=f"mine {number}\n".encode(),
            output=str(number),
            repository=f"https://git.example/{number}.git",
        )
    builds = [Build(client, repository=f"https://git.example/{number}.git") for number in range(40)]
    assert [await build.ended() for build in builds] == [str(number) for number in range(40)]
    for number, build in enumerate(builds):
        assert [line for line in build.log.text.splitlines() if line.startswith("mine")] == [f"mine {number}"]
    assert scheduler.connections() == (1, 1)


async def test_a_pool_that_there_is_not_is_told_with_those_that_there_are(scheduler: Scheduler, client: Client) -> None:
    with pytest.raises(Stalled) as raised:
        await Build(client, pool="linux-vax").ended()
    assert str(raised.value).startswith("the scheduler has no pool 'linux-vax' (Pool ID")
    assert "linux-arm64, linux-ppc64" in str(raised.value)
    assert "the recipe's option `pools`" in str(raised.value)


async def test_a_build_that_waits_says_for_which_pool_and_starts_when_there_is_a_worker(
    scheduler: Scheduler, client: Client
) -> None:
    scheduler.pause_workers()
    build = await Build(client).heard("Waits for a worker of pool linux-x86_64.")
    assert build.waits[-1] != "", "it has not started"
    scheduler.resume_workers()
    await build.ended()
    assert build.waits[-1] == ""
    assert "Waits for a worker of pool linux-x86_64." in build.log.notes


async def test_urgent_builds_go_before_others(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(hangs=True)
    scheduler.pause_workers()
    later = await Build(client).heard("Waits for a worker")
    await scheduler.until(len)
    sooner = await Build(client, urgent=True).heard("Waits for a worker")
    await scheduler.until(lambda jobs: len(jobs) == 2)
    scheduler.lose_worker("linux-x86_64", "x86-1")
    scheduler.add_worker("linux-x86_64", "x86-2", 1)
    await sooner.started()
    assert "" not in later.waits
    for build in (sooner, later):
        build.task.cancel()
    await asyncio.gather(sooner.task, later.task, return_exceptions=True)


@pytest.mark.parametrize("running", [True, False])
async def test_a_cancelled_build_is_cancelled_at_the_scheduler(
    scheduler: Scheduler, client: Client, running: bool
) -> None:
    scheduler.script(hangs=True)
    if running:
        build = await Build(client).started()
    else:
        scheduler.pause_workers()
        build = await Build(client).heard("Waits for a worker")
    build.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build.ended()
    [job] = scheduler.jobs()
    assert (job.state, job.cancelled) == (State.CANCELLED, True)


async def test_what_is_submitted_is_all_that_was_asked_for(scheduler: Scheduler, client: Client) -> None:
    await Build(
        client,
        pool="linux-arm64",
        commits=("a" * 40, "b" * 40),
        dockerfile="docker/Dockerfile.web",
        urgent=True,
        build_args=("VERSION=1 2", "--network=host"),
        squash=True,
        buildkit=True,
        include_git=True,
        cache_hint="shop-web",
        secrets=(("token", "s3cret\n"),),
    ).ended()
    [job] = scheduler.jobs()
    told = job.description
    assert (job.pool, job.urgent) == ("linux-arm64", True)
    assert (told.repository, told.commits) == ("https://git.example/shop.git", ("a" * 40, "b" * 40))
    assert (told.path, told.build_args) == ("docker/Dockerfile.web", ("VERSION=1 2", "--network=host"))
    assert (told.squash, told.buildkit, told.include_git) == (True, True, True)
    assert (told.cache_hint, told.push_target) == ("shop-web", "")
    assert told.secrets == {"token": "s3cret\n"}
