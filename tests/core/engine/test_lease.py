"""A runner that cannot renew its lease ends what it has in hand by its own clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from core.engine.lease import InDatabase, Lease
from core.errors import ConfigurationError


async def never(_: Callable[[], Any]) -> Any:
    await asyncio.Event().wait()


async def broken(_: Callable[[], Any]) -> Any:
    raise OSError("the server closed the connection")


class Kept:
    """A lease that is kept until something happened."""

    def __init__(self, in_database: InDatabase, jobs: set[int]) -> None:
        self.jobs, self.ended, self.ending, self.why = jobs, list[int](), set[int](), ""
        self._happened = asyncio.Event()
        self.lease = Lease(
            "r",
            0.4,
            in_database,
            in_hand=lambda: list(self.jobs),
            end=self._end,
            unfit=self._unfit,
            renewed=lambda: None,
            tells={},
        )

    def _end(self, job: int) -> bool:
        self.ended.append(job)
        self._happened.set()
        return job not in self.ending

    def _unfit(self, why: str) -> None:
        self.why = why
        self._happened.set()

    async def until_something_happened(self) -> None:
        self.lease.begin()
        keeping = asyncio.create_task(self.lease.keep())
        await asyncio.wait_for(self._happened.wait(), 20)
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_a_database_that_keeps_it_waiting_does_not_keep_it_from_ending_its_jobs() -> None:
    for database in (never, broken):
        kept = Kept(database, {1})
        await kept.until_something_happened()
        assert set(kept.ended) == {1}
        assert not kept.lease.is_held, "and it claims nothing"


async def test_what_the_database_says_is_somebody_elses_is_ended() -> None:
    async def told(_: Callable[[], Any]) -> Any:
        return {2: ""}

    kept = Kept(told, {1, 2})
    await kept.until_something_happened()
    assert set(kept.ended) == {1}
    assert kept.lease.is_held


async def test_nobody_is_told_that_a_job_was_lost_that_ended_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    async def told(_: Callable[[], Any]) -> Any:
        return {}

    kept = Kept(told, {1, 2})
    kept.ending = {1}
    await kept.until_something_happened()
    assert set(kept.ended) == {1, 2}
    assert {record.getMessage() for record in caplog.records} == {"job 2 is lost: its lease has ended"}


async def test_tables_that_need_a_newer_version_are_told() -> None:
    async def too_old(_: Callable[[], Any]) -> Any:
        raise ConfigurationError("this version is too old")

    kept = Kept(too_old, set())
    await kept.until_something_happened()
    assert kept.why == "this version is too old"
