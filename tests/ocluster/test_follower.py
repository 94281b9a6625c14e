"""The process that follows builds dies, and whoever started it goes on; or the other way round."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.api import OperationError
from ocluster.client import Client
from tests.e2e.harness import ROOT
from tests.ocluster.builds import Build
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler

#: A runner that follows a build, and says which process does that for it.
RUNNER = """
import asyncio, sys
from pathlib import Path
from core.testing.logs import RecordingLog
from ocluster.client import Client
from tests.ocluster.builds import SUBMISSION

async def main():
    client = Client(Path(sys.argv[1]), "SETTING")
    def hear(reason):
        if not reason:
            print(client.process, flush=True)
    await client.build(SUBMISSION, RecordingLog(), hear)

asyncio.run(main())
"""


def alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_a_crash_of_pycapnp_loses_no_build_and_stops_nothing_else(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(hangs=True)
    builds = [Build(client) for _ in range(20)]
    for build in builds:
        await build.started()
    former = client.process
    assert former is not None
    scheduler.script(lines=5, output="after all")
    os.kill(former, signal.SIGSEGV)
    assert [await build.ended() for build in builds] == ["after all"] * 20
    assert client.process not in (None, former)
    for build in builds:
        assert sum("It is submitted again." in note for note in build.log.notes) == 1
    states = await scheduler.until(lambda jobs: all(job.ended for job in jobs) and [job.state for job in jobs])
    assert states.count(State.SUCCEEDED) == 20, "each was built once"
    assert states.count(State.CANCELLED) == 20, "what nobody followed any more was ended"


async def test_a_build_whose_follower_ends_again_and_again_is_given_up_for_now(
    scheduler: Scheduler, client: Client
) -> None:
    scheduler.script(hangs=True)
    build = Build(client)
    for number in range(1, 6):
        await scheduler.until(lambda jobs, number=number: len(jobs) == number and jobs[-1].state is State.RUNNING)
        assert client.process
        os.kill(client.process, signal.SIGABRT)
    with pytest.raises(OperationError, match="ended 5 times"):
        await build.ended()


async def test_a_log_that_cannot_be_written_ends_its_own_build_alone(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(lines=200, pace=100)
    unlucky, lucky = Build(client), Build(client)

    def no_room(data: bytes) -> None:
        raise OperationError("no space left on device")

    unlucky.log.write = no_room  # type: ignore[method-assign]
    with pytest.raises(OperationError, match="no space left"):
        await unlucky.ended()
    await lucky.ended()
    assert "000199" in lucky.log.text


def test_the_follower_and_its_builds_end_with_the_runner(scheduler: Scheduler) -> None:
    scheduler.script(hangs=True)
    command = [sys.executable, "-c", RUNNER, str(scheduler.capability_file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as runner:
        assert runner.stdout
        follower = int(runner.stdout.readline())
        assert alive(follower)
        runner.kill()
    scheduler.wait(lambda jobs: jobs[0].state is State.CANCELLED)
    scheduler.wait(lambda jobs: not alive(follower))


async def test_a_closed_client_leaves_no_process(scheduler: Scheduler, client: Client) -> None:
    await Build(client).ended()
    process = client.process
    assert process is not None
    assert alive(process)
    await client.close()
    assert not alive(process)


async def test_the_capability_is_in_no_argument_and_no_environment(scheduler: Scheduler, client: Client) -> None:
    await Build(client).ended()
    secret = scheduler.uri.rpartition("/")[2].encode()
    for file in ("cmdline", "environ"):
        assert secret not in Path(f"/proc/{client.process}/{file}").read_bytes()
