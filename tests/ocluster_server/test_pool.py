"""Who gets which worker, and what an administrator is shown of it, as in upstream's own tests of `pool.ml`."""

from __future__ import annotations

import asyncio
import re

from tests.ocluster_server.pool import Entry, Pool
from tests.ocluster_server.show import show


class Queue:
    """A pool, and what its workers took, by hint: `"job1 → w1"`."""

    def __init__(self, **workers: int) -> None:
        self.pool = Pool("linux-x86_64")
        self.taken: list[str] = []
        for name, capacity in workers.items():
            self.pool.register(name, capacity)

    async def submit(self, hint: str, *, client: str = "ann", urgent: bool = False) -> Entry:
        entry = self.pool.submit(
            client, hint, urgent=urgent, start=lambda worker: self.taken.append(f"{hint} → {worker.name}")
        )
        await asyncio.sleep(0)
        return entry

    def shown(self) -> list[str]:
        """Lines, with their times taken out: they are those of now."""
        return re.sub(r"@-?\d+[sm]|\+\d+[sm]", lambda found: found[0][0], show(self.pool)).splitlines()


async def test_a_worker_takes_as_much_as_it_has_room_for_and_the_rest_when_it_has_finished() -> None:
    queue = Queue(w1=2)
    for number in range(3):
        await queue.submit(f"job{number}")
    assert queue.taken == ["job0 → w1", "job1 → w1"]
    queue.pool.finished(queue.pool.workers["w1"])
    assert queue.taken[2:] == ["job2 → w1"]


async def test_urgent_jobs_are_taken_first_and_who_asked_for_less_before_who_asked_for_more() -> None:
    queue = Queue()
    for hint, client, urgent in [("a", "ann", False), ("b", "ann", False), ("c", "bob", False), ("d", "bob", True)]:
        await queue.submit(hint, client=client, urgent=urgent)
    queue.pool.register("w1", 10)
    assert queue.taken == ["d → w1", "a → w1", "c → w1", "b → w1"]


async def test_a_job_goes_to_the_worker_that_has_its_cache_though_another_one_is_free() -> None:
    queue = Queue(w1=1, w2=1)
    await queue.submit("shop")
    await queue.submit("shop")
    assert queue.taken == ["shop → w1"]
    assert queue.shown()[:5] == [
        "capacity: 2",
        "queue: (ready) [w2]",
        "registered:",
        "  w1 (10): [ann:shop@(10)] (1 running)",
        "  w2 (0): [] (0 running)",
    ]


async def test_what_waited_for_a_worker_that_leaves_goes_to_another_one() -> None:
    queue = Queue(w1=1, w2=1)
    await queue.submit("shop")
    await queue.submit("shop")
    queue.pool.release("w1")
    await asyncio.sleep(0)
    assert queue.taken == ["shop → w1", "shop → w2"]
    assert "  w1" in queue.shown()


async def test_a_ticket_is_cancelled_only_while_it_waits() -> None:
    queue = Queue(w1=1)
    first, second = await queue.submit("a"), await queue.submit("b")
    assert not queue.pool.cancel(first)
    assert queue.pool.cancel(second)
    queue.pool.finished(queue.pool.workers["w1"])
    assert queue.taken == ["a → w1"]


async def test_a_paused_worker_takes_nothing_until_it_may_go_on() -> None:
    queue = Queue(w1=1)
    queue.pool.set_active("w1", False)
    await queue.submit("a")
    assert queue.shown() == [
        "capacity: 1",
        "queue: (backlog) [ann:a@]",
        "registered:",
        "  w1 (0): (inactive: admin pause) (0 running)",
        "disconnected:",
        "clients: ann(1)+",
    ]
    queue.pool.set_active("w1", True)
    assert queue.taken == ["a → w1"]


async def test_a_worker_that_was_paused_is_paused_when_it_comes_back() -> None:
    queue = Queue(w1=1)
    queue.pool.release("w1")
    queue.pool.set_active("w1", False)
    assert "  w1 (paused)" in queue.shown()
    queue.pool.register("w1", 1)
    await queue.submit("a", urgent=True)
    assert queue.taken == []
    assert "queue: (backlog) [ann:a@+urgent]" in queue.shown()


async def test_a_long_queue_wraps_as_ocaml_does() -> None:
    queue = Queue()
    for number in range(3):
        await queue.submit(f"https://github.com/acme/shop.git-Dockerfile-{number}")
    backlog = show(queue.pool).partition("queue: (backlog) [")[2].partition("]")[0].splitlines()
    assert len(backlog) == 3
    assert all(line.startswith(" " * 18 + "ann:https") for line in backlog[1:])
    assert max(len(line) for line in show(queue.pool).splitlines()) <= 80
