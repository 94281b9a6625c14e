"""What upstream's scheduler shows of a pool: the texts are those of its own tests, and of its printer."""

from __future__ import annotations

from core.api import Pool, PoolWorker
from ocluster.pools import sentence, understood

BUSY = """capacity: 2
queue: (backlog) [u1:https://github.com/acme/shop.git-Dockerfile@12s
                  u1:job4@11s+urgent u2:(no cache hint)@-120m]
registered:
  worker-1 (10): [u1:job1@0s(10)] (1 running)
  worker-2 (610): [u1:job2@5s(10+urgent)
                   u1:job7@5s(600)] (1 running)
  worker-3 (0): (inactive: worker pause, admin pause) (0 running)
disconnected:
  worker-4 (paused)
  worker-5
clients: u1(2)+17s u2(1)
"""
READY = """capacity: 2
queue: (ready) [worker-2 worker-1]
registered:
  worker-1 (0): [] (0 running)
  worker-2 (0): [] (0 running)
disconnected:
clients:
"""


def told(shown: str, *workers: tuple[str, bool, bool]) -> Pool:
    [pool] = understood([{"name": "linux-arm64", "shown": shown, "workers": workers}])
    return pool


def test_what_runs_and_what_waits_is_counted() -> None:
    workers = (("worker-1", True, True), ("worker-2", True, True), ("worker-3", False, True), ("worker-5", True, False))
    pool = told(BUSY, *workers)
    assert (pool.capacity, pool.running, pool.queued) == (2, 2, 6)
    assert pool.workers == (
        PoolWorker(name="worker-1", state="active", running=1),
        PoolWorker(name="worker-2", state="active", running=1),
        PoolWorker(name="worker-3", state="paused", running=0),
        PoolWorker(name="worker-5", state="disconnected"),
    )
    assert sentence(pool) == "It has 2 workers with room for 2 builds: 2 run and 6 wait."


def test_workers_that_are_ready_are_no_builds_that_wait() -> None:
    pool = told(READY, ("worker-1", True, True), ("worker-2", True, True))
    assert (pool.capacity, pool.running, pool.queued) == (2, 0, 0)


def test_why_nothing_is_built_is_said() -> None:
    assert sentence(told(READY, ("oak", False, True))) == "It has no active worker: oak is paused."
    assert sentence(told(READY)) == "It has no active worker."


def test_a_text_that_is_not_understood_counts_nothing() -> None:
    assert told("something else", ("oak", True, True)).queued == 0
