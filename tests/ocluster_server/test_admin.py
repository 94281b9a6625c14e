"""What an administrator sees and does, as upstream's `cluster_scheduler.ml` has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import capnp
import pytest

from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.rpc.vat import connect
from tests.ocluster_server.client import connected, submissions, submit
from tests.ocluster_server.fixtures import scheduler as scheduler
from tests.ocluster_server.record import State
from tests.ocluster_server.scheduler import Scheduler


@asynccontextmanager
async def administration(scheduler: Scheduler) -> AsyncIterator[Any]:
    async with connected(scheduler.admin_file) as vat:
        yield vat.client(api().Admin)


async def refused(promise: Any) -> str:
    with pytest.raises(capnp.KjException) as raised:
        await promise
    return str(raised.value.description.removeprefix("remote exception: "))


async def test_pools_are_listed_and_shown(scheduler: Scheduler) -> None:
    async with administration(scheduler) as admin:
        assert list((await admin.pools()).names) == sorted(scheduler.pools)
        pool = admin.pool("linux-arm64").pool
        assert (await pool.show()).state == (
            "capacity: 100\nqueue: (ready) [arm-1]\nregistered:\n  arm-1 (0): [] (0 running)\ndisconnected:\nclients: \n"
        )
        assert await refused(admin.pool("nope").pool.show()) == "No such pool"


async def test_workers_are_paused_and_lost_and_come_back(scheduler: Scheduler) -> None:
    scheduler.add_worker("linux-arm64", "arm-2", 3)
    scheduler.lose_worker("linux-arm64", "arm-1")
    async with administration(scheduler) as admin:
        pool = admin.pool("linux-arm64").pool
        await pool.setActive("arm-2", False, False)
        workers = (await pool.workers()).workers
        assert [(each.name, each.active, each.connected) for each in workers] == [
            ("arm-1", True, False),
            ("arm-2", False, True),
        ]
        assert "disconnected:\n  arm-1\n" in (await pool.show()).state
        assert await refused(pool.setActive("arm-9", False, False)) == "Unknown worker"
        assert await refused(pool.forget("arm-2")) == 'Worker "arm-2" is still connected!'
        await pool.forget("arm-1")
        assert len((await pool.workers()).workers) == 1


async def test_a_paused_pool_is_seen_with_what_waits_in_it(scheduler: Scheduler) -> None:
    scheduler.pause_workers()
    async with submissions(scheduler) as submission:
        job = await submit(submission)
        async with administration_beside(scheduler) as admin:
            shown = (await admin.pool("linux-x86_64").pool.show()).state
            assert "queue: (backlog) [submission:(no cache hint)@" in shown
        scheduler.resume_workers()
        await job.log()
    assert scheduler.jobs()[0].state is State.SUCCEEDED


@asynccontextmanager
async def administration_beside(scheduler: Scheduler) -> AsyncIterator[Any]:
    """The same, where pycapnp's loop runs already."""
    vat = await connect(SturdyRef.parse(scheduler.admin_file.read_text()))
    yield vat.client(api().Admin)
    vat.close()


async def test_clients_are_added_listed_and_removed(scheduler: Scheduler) -> None:
    async with administration(scheduler) as admin:
        alice = (await admin.addClient("alice")).cap
        address = (await alice.cast_as(api().Persistent).save()).sturdyRef.as_text()
        assert address != scheduler.uri
        assert (await (await submit(alice)).log()).endswith(b"Job succeeded\n")
        assert await refused(admin.addClient("alice")) == 'Client "alice" already registered!'
        assert list((await admin.listClients()).clients) == ["alice", "submission"]
        await admin.removeClient("alice")
        assert await refused(admin.removeClient("alice")) == 'Unknown client "alice"'
        assert await refused((await submit(alice)).result) == "Access has been revoked"
    assert [job.client for job in scheduler.jobs()] == ["alice"]


async def test_what_is_not_there_is_not_implemented(scheduler: Scheduler) -> None:
    async with administration(scheduler) as admin:
        for call in (admin.cast_as(api().Persistent).save(), admin.pool("linux-arm64").pool.setRate("alice", 2.0)):
            with pytest.raises(capnp.KjException) as raised:
                await call
            assert raised.value.type == "UNIMPLEMENTED"
