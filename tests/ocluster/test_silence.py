"""A scheduler that keeps its connections and says nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import capnp
import pytest

from ocluster.follower import connection, job
from ocluster.follower.connection import Connection
from ocluster.follower.job import FollowedJob
from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from tests.ocluster.builds import SUBMISSION
from tests.ocluster_server.scheduler import Scheduler

#: Seconds in place of the half minute and the minute that a scheduler has.
SOON = 0.3


class Heard:
    """What a follower tells of a job."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.running = asyncio.Event()

    def waits(self, reason: str) -> None:
        self.reasons.append(reason)

    def started(self) -> None:
        self.running.set()

    def note(self, text: str) -> None:
        self.notes.append(text)

    async def log(self, data: bytes) -> None:
        return


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (connection, job):
        monkeypatch.setattr(module, "ANSWER", SOON)
    monkeypatch.setattr(connection, "_PROBE", SOON)


@pytest.fixture
async def opened(scheduler: Scheduler) -> AsyncIterator[Connection]:
    """The follower's side, in this process: its patience can be shortened here."""
    async with capnp.kj_loop():
        yield Connection(SturdyRef.parse(scheduler.uri), api().Submission, retry=0.2)


async def test_one_that_stops_in_the_middle_of_a_build_is_given_it_again_when_it_answers(
    scheduler: Scheduler, opened: Connection
) -> None:
    scheduler.script(hangs=True)
    heard = Heard()
    running = asyncio.create_task(FollowedJob(SUBMISSION, opened, heard).run())
    await asyncio.wait_for(heard.running.wait(), 20)
    scheduler.mute()
    async with asyncio.timeout(20):
        while not any("does not answer" in reason for reason in heard.reasons):
            await asyncio.sleep(0.02)
    scheduler.unmute()
    scheduler.script(output="after all")
    assert await asyncio.wait_for(running, 20) == "after all"
    # On a slow machine it is given up more than once in so short a time.
    assert set(heard.notes) == {
        "The connection to the scheduler broke, which ended the build there. It is submitted again."
    }
