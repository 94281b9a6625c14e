"""Jobs at the stand-in: their logs, their ends, and who has to hold them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import capnp
import pytest

from tests.ocluster_server.client import submissions, submit
from tests.ocluster_server.fixtures import scheduler as scheduler
from tests.ocluster_server.record import Record, State
from tests.ocluster_server.scheduler import Scheduler


async def failure(promise: Awaitable[Any]) -> tuple[str, str]:
    """The type and the reason of an exception."""
    with pytest.raises(capnp.KjException) as raised:
        await promise
    return raised.value.type, raised.value.description.removeprefix("remote exception: ")


def all_are(state: State) -> Callable[[Sequence[Record]], bool]:
    def condition(jobs: Sequence[Record]) -> bool:
        return bool(jobs) and all(job.state is state for job in jobs)

    return condition


async def test_a_job_is_followed_to_its_end_and_noted_as_it_was_submitted(scheduler: Scheduler) -> None:
    scheduler.script(lines=400, output="acme/staging@sha256:1111")
    async with submissions(scheduler) as submission:
        job = await submit(submission, urgent=True, buildArgs=["A=1"], pushTarget="acme/staging:x", includeGit=True)
        log = await job.log()
        assert (await job.result).output == "acme/staging@sha256:1111"
    assert log.startswith(b"Building on x86-1\n000000 xxx")
    assert log.endswith(b"\nJob succeeded\n")
    assert log.count(b"\n") == 402
    [record] = scheduler.jobs()
    assert (record.pool, record.urgent, record.state, record.cancelled) == (
        "linux-x86_64",
        True,
        State.SUCCEEDED,
        False,
    )
    description = record.description
    assert (description.path, description.repository, description.commits) == (
        "Dockerfile",
        "https://git.example/shop.git",
        ("0" * 40,),
    )
    assert (description.build_args, description.push_target, description.include_git) == (
        ("A=1",),
        "acme/staging:x",
        True,
    )


async def test_a_failed_build_says_why_in_its_log_alone(scheduler: Scheduler) -> None:
    scheduler.script(fail="exit status 3")
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        assert (await job.log()).endswith(b"\nexit status 3\n")
        assert await failure(job.result) == ("FAILED", "Build failed")


async def test_the_latest_script_that_fits_is_followed(scheduler: Scheduler) -> None:
    scheduler.script(output="any")
    scheduler.script(output="arm", pool="linux-arm64")
    scheduler.script(output="other", repository="https://git.example/other.git")
    async with submissions(scheduler) as submission:
        for pool, output in [("linux-x86_64", "any"), ("linux-arm64", "arm")]:
            assert (await (await submit(submission, pool)).result).output == output


async def test_a_pool_that_there_is_not_is_told_by_the_ticket_and_not_by_submit(scheduler: Scheduler) -> None:
    async with submissions(scheduler) as submission:
        job = await submit(submission, 'é"')
        names = "linux-arm64, linux-ppc64, linux-riscv64, linux-s390x, linux-x86_64"
        reason = f'Pool ID "\\195\\169\\"" not one of {{{names}}}'
        assert await failure(job.result) == ("FAILED", reason)
        assert await failure(job.ticket.job()) == ("FAILED", reason)


async def test_a_log_is_read_from_its_end_and_never_from_behind_it(scheduler: Scheduler) -> None:
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        log = await job.log()
        assert bytes((await job.job.log(-14)).log) == b"Job succeeded\n"
        assert bytes((await job.job.log(-10_000)).log) == log
        assert await failure(job.job.log(len(log) + 1)) == ("FAILED", "Internal error")


async def test_a_log_need_not_be_utf8_and_neither_need_a_reason(scheduler: Scheduler) -> None:
    scheduler.script(log=b"caf\xe9 \xff\n", reason=b"caf\xe9")
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        assert b"caf\xe9 \xff\n" in await job.log()
        # Our own client makes it harmless: pycapnp would end with the process.
        assert await failure(job.result) == ("FAILED", "caf�")


async def test_a_ticket_is_cancelled_while_it_waits(scheduler: Scheduler) -> None:
    scheduler.pause_workers()
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        log = asyncio.create_task(job.log())
        await job.ticket.cancel()
        assert await failure(log) == ("FAILED", "Ticket cancelled")
        assert await failure(job.result) == ("FAILED", "Ticket cancelled")
    assert all_are(State.CANCELLED)(scheduler.jobs())


async def test_a_running_job_is_cancelled_by_itself_and_by_its_ticket(scheduler: Scheduler) -> None:
    scheduler.script(hangs=True)
    async with submissions(scheduler) as submission:
        for by_ticket in (False, True):
            job = await submit(submission)
            await job.log(enough=b"000002")
            await (job.ticket if by_ticket else job.job).cancel()
            assert (await job.log()).endswith(b"\nJob cancelled\n")
            assert await failure(job.result) == ("FAILED", "Build cancelled")
    assert all(job.cancelled for job in scheduler.jobs())


async def test_a_job_that_hangs_goes_on_when_it_is_told_to(scheduler: Scheduler) -> None:
    scheduler.script(hangs=True, output="done")
    async with submissions(scheduler) as submission:
        first, second = await submit(submission), await submit(submission)
        jobs = await scheduler.until(lambda jobs: all_are(State.RUNNING)(jobs) and jobs)
        scheduler.finish(jobs[0])
        scheduler.finish(jobs[1], fail="out of paper")
        assert (await first.result).output == "done"
        assert (await second.log()).endswith(b"\nout of paper\n")


async def test_what_a_lost_connection_held_is_cancelled(scheduler: Scheduler) -> None:
    scheduler.script(hangs=True)
    scheduler.lose_worker("linux-arm64", "arm-1")
    async with submissions(scheduler) as submission:
        jobs = [await submit(submission), await submit(submission, "linux-arm64")]
        await jobs[0].log(enough=b"000002")
        assert not any(job.ended for job in scheduler.jobs())
    await scheduler.until(all_are(State.CANCELLED))
    assert scheduler.connections() == (1, 0)


async def test_a_ticket_that_nobody_holds_is_cancelled_and_a_job_that_somebody_holds_goes_on(
    scheduler: Scheduler,
) -> None:
    scheduler.script(hangs=True)
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        await job.log(enough=b"000002")
        job.ticket = None
        scheduler.pause_workers()
        queued = await submit(submission)
        queued.ticket = queued.job = queued.result = None
        await scheduler.until(lambda jobs: jobs[1].state is State.CANCELLED)
        assert scheduler.jobs()[0].state is State.RUNNING


async def test_a_lost_worker_is_told_while_the_connection_stays(scheduler: Scheduler) -> None:
    scheduler.script(lines=10, pace=100, lost_at=5)
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        assert await failure(job.log()) == ("DISCONNECTED", "Switch turned off")
        assert await failure(job.result) == ("DISCONNECTED", "Switch turned off")
        scheduler.script(output="again")
        assert (await (await submit(submission)).result).output == "again"
    assert [job.state for job in scheduler.jobs()] == [State.LOST, State.SUCCEEDED]


async def test_a_connection_is_reset_in_the_middle_of_a_log(scheduler: Scheduler) -> None:
    scheduler.script(lines=10, pace=100, reset_at=5, hangs=True)
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        type_, _ = await failure(job.log())
        assert type_ == "DISCONNECTED"
        assert b"000005" not in job.read
    await scheduler.until(all_are(State.CANCELLED))


async def test_a_mute_ticket_never_answers(scheduler: Scheduler) -> None:
    scheduler.script(mute=True)
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        log = asyncio.create_task(job.log())
        await scheduler.until(all_are(State.SUCCEEDED))
        # Its answer would have come before that of another job.
        scheduler.script()
        await (await submit(submission)).log()
        assert not log.done()
        log.cancel()


async def test_jobs_and_addresses_outlive_the_process(scheduler: Scheduler) -> None:
    scheduler.script(hangs=True)
    address = scheduler.uri
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        await job.log(enough=b"000002")
        scheduler.kill()
        type_, _ = await failure(job.result)
        assert type_ == "DISCONNECTED"
    assert [job.state for job in scheduler.jobs()] == [State.LOST]
    scheduler.start()
    assert scheduler.uri == address
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        await job.log(enough=b"000002")
    assert [job.number for job in scheduler.jobs()] == [1, 2]


async def test_a_muted_scheduler_answers_once_it_is_not_any_more(scheduler: Scheduler) -> None:
    async with submissions(scheduler) as submission:
        await (await submit(submission)).log()
        scheduler.mute()
        submitting = asyncio.create_task(submit(submission))
        done, _ = await asyncio.wait({submitting}, timeout=0.3)
        assert not done
        scheduler.unmute()
        await (await submitting).log()


def test_it_ends_with_whoever_started_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time\n"
        "from tests.ocluster_server.scheduler import Scheduler\n"
        "scheduler = Scheduler(pathlib.Path(sys.argv[1]))\n"
        "scheduler.start()\n"
        "print(scheduler.port, flush=True)\n"
        "time.sleep(600)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "scheduler")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]) as starter:
        assert starter.stdout
        address = ("127.0.0.1", int(starter.stdout.readline()))
        socket.create_connection(address).close()
        starter.kill()
    end = time.monotonic() + 20
    while listens(address):
        assert time.monotonic() < end


def listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0
