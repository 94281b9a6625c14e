"""What becomes of builds when the scheduler, a worker or the connection is lost, and what is said meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from core.api import ConfigurationError, OperationError, Stalled
from ocluster.client import Client
from ocluster.rpc.sturdy_ref import SturdyRef
from tests.ocluster.builds import Build
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler

AGAIN = "The connection to the scheduler broke, which ended the build there. It is submitted again."


async def test_a_worker_lost_in_the_middle_is_told_and_may_pass(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(lines=100, pace=40, lost_at=40)
    build = Build(client)
    with pytest.raises(OperationError, match="the worker that built this was lost") as raised:
        await build.ended()
    assert not isinstance(raised.value, Stalled), "it is tried again"
    assert "000000" in build.log.text


async def test_a_connection_reset_in_the_middle_of_a_log_starts_it_anew_and_the_log_says_so(
    scheduler: Scheduler, client: Client
) -> None:
    scheduler.script(lines=2000, pace=4000, reset_at=1000)
    build = await Build(client).started()
    scheduler.script(lines=2000, output="the second")
    assert await build.ended() == "the second"
    before, _, after = build.log.text.partition(AGAIN)
    assert AGAIN in build.log.notes
    for part in (before, after):
        numbers = [int(line[:6]) for line in part.splitlines() if line[:6].isdigit()]
        assert numbers == list(range(len(numbers))), "no line is lost or doubled"
    assert len(numbers) == 2000
    # The scheduler cancels what nobody holds any more.
    states = await scheduler.until(lambda jobs: [job.state for job in jobs if job.ended])
    assert states[-1] is State.SUCCEEDED


@pytest.mark.parametrize("running", [True, False])
async def test_a_scheduler_that_starts_again_is_given_its_builds_again(
    scheduler: Scheduler, client: Client, running: bool
) -> None:
    scheduler.script(hangs=True)
    if running:
        build = await Build(client).started()
    else:
        scheduler.pause_workers()
        build = await Build(client).heard("Waits for a worker")
    scheduler.kill()
    await build.heard("cannot be reached: Connection refused. Tried again every 0.2 seconds.")
    scheduler.script(output="after all")
    scheduler.start()
    assert await build.ended() == "after all"
    assert build.log.notes.count(AGAIN) == 1
    assert build.waits[-1] == ""


async def test_a_scheduler_that_is_stopped_in_order_is_waited_for_too(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(hangs=True)
    build = await Build(client).started()
    scheduler.stop()
    await build.heard("cannot be reached")
    scheduler.script(output="after all")
    scheduler.start()
    assert await build.ended() == "after all"


async def test_a_build_is_asked_for_before_there_is_a_scheduler(scheduler: Scheduler, client: Client) -> None:
    scheduler.stop()
    build = await Build(client).heard(f"The scheduler at 127.0.0.1:{scheduler.port} cannot be reached")
    scheduler.start()
    await build.ended()
    assert AGAIN not in build.log.notes, "it was not there to be ended"


async def test_a_build_that_nobody_wants_any_more_ends_while_there_is_no_scheduler(
    scheduler: Scheduler, client: Client
) -> None:
    scheduler.stop()
    build = await Build(client).heard("cannot be reached")
    build.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build.ended()


async def test_a_revoked_capability_is_told_with_what_to_do(scheduler: Scheduler, client: Client) -> None:
    scheduler.script(hangs=True)
    build = await Build(client).started()
    scheduler.revoke()
    scheduler.drop_connections()
    with pytest.raises(Stalled) as raised:
        await build.ended()
    told = str(raised.value)
    assert told.startswith("the scheduler does not accept our capability")
    assert "put a new one where this setting names it: DEPLOYER_OCLUSTER_SUBMISSION" in told


async def test_a_new_capability_file_is_used_without_a_restart(scheduler: Scheduler, client: Client) -> None:
    good = scheduler.capability_file.read_text()
    ref = SturdyRef.parse(good)
    bad = SturdyRef(host=ref.host, port=ref.port, fingerprint=ref.fingerprint, service=b"nobody")
    scheduler.capability_file.write_text(str(bad))
    with pytest.raises(Stalled, match="Unknown persistent service ID"):
        await Build(client).ended()
    scheduler.capability_file.write_text(good)
    await Build(client).ended()


async def test_another_server_at_its_place_is_never_given_the_build(scheduler: Scheduler, client: Client) -> None:
    ref = SturdyRef.parse(scheduler.capability_file.read_text())
    other = SturdyRef(host=ref.host, port=ref.port, fingerprint=bytes(32), service=ref.service)
    scheduler.capability_file.write_text(str(other))
    with pytest.raises(Stalled, match=r"fingerprint.*if its key was replaced on purpose") as raised:
        await Build(client).ended()
    assert "DEPLOYER_OCLUSTER_SUBMISSION" in str(raised.value)
    assert scheduler.jobs() == []


async def test_a_capability_file_that_is_gone_is_told_by_its_setting(client: Client, scheduler: Scheduler) -> None:
    scheduler.capability_file.unlink()
    with pytest.raises(ConfigurationError, match="name it by DEPLOYER_OCLUSTER_SUBMISSION"):
        await Build(client).ended()
