"""A pool: what waits in it, its workers, and who takes what. It decides as upstream's `scheduler/pool.ml` does.

A ticket waits in the main queue, or, where a worker has its cache already, in that worker's own. Who asks for more than
others waits longer: each client's next ticket starts, in a fair world, after what its former ones are thought to cost.
"""

from __future__ import annotations

import asyncio
import bisect
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

#: What a build is thought to take, in seconds (`default_estimate` in `cluster_scheduler.ml`).
CACHED, NOT_CACHED = 10, 600

_sequence = itertools.count()


@dataclass(slots=True, eq=False)
class Client:
    """Who submits to this pool, and when its next ticket would start in a fair world."""

    name: str
    fair_start: float = field(default_factory=time.time)


@dataclass(slots=True, eq=False)
class Entry:
    """A ticket in a queue.

    :param start: has a worker begin with it.
    :param cost: seconds; known once it is in a worker's queue.
    """

    client: str
    hint: str
    urgent: bool
    fair_start: float
    start: Callable[[Worker], None]
    cost: int = -1
    queue: list[Entry] | None = None
    worker: Worker | None = None
    number: int = field(default_factory=lambda: next(_sequence))

    @property
    def order(self) -> tuple[bool, float, int]:
        return not self.urgent, self.fair_start, self.number


@dataclass(slots=True, eq=False)
class Worker:
    """A connected worker, and what is in its own queue."""

    name: str
    capacity: int
    paused: bool
    running: int = 0
    workload: int = 0
    queue: list[Entry] = field(default_factory=list)

    @property
    def has_room(self) -> bool:
        return not self.paused and self.running < self.capacity


class Pool:
    """One pool. `ready` is None while there is a backlog, as it is at first; else it has the workers that wait."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.workers: dict[str, Worker] = {}
        #: Every worker that ever was, and whether an administrator paused it.
        self.known: dict[str, bool] = {}
        self.clients: dict[str, Client] = {}
        self.backlog: list[Entry] = []
        self.ready: list[Worker] | None = None
        self._cached: dict[str, set[str]] = {}

    @property
    def capacity(self) -> int:
        return sum(worker.capacity for worker in self.workers.values())

    def submit(self, client: str, hint: str, *, urgent: bool, start: Callable[[Worker], None]) -> Entry:
        """Put a ticket where a worker will take it, perhaps at once."""
        its = self.clients.setdefault(client, Client(client))
        begin = max(time.time(), its.fair_start)
        its.fair_start = begin + (CACHED if hint and self._cached.get(hint) else NOT_CACHED)
        entry = Entry(client, hint, urgent, begin, start)
        self._add(entry)
        return entry

    def cancel(self, entry: Entry) -> bool:
        """Take a ticket out of its queue; False where a worker has it already."""
        if entry.queue is None:
            return False
        self._take(entry)
        return True

    def register(self, name: str, capacity: int) -> None:
        """A worker connects."""
        paused = self.known.setdefault(name, False)
        worker = self.workers[name] = Worker(name, capacity, paused)
        self._serve(worker)

    def release(self, name: str) -> None:
        """A worker is gone."""
        worker = self.workers[name]
        self._leave(worker)
        del self.workers[name]

    def set_active(self, name: str, active: bool) -> None:
        """Let an administrator pause a worker, or have it go on."""
        self.known[name] = not active
        worker = self.workers.get(name)
        if worker and active:
            worker.paused = False
            self._serve(worker)
        elif worker:
            self._leave(worker)

    def finished(self, worker: Worker) -> None:
        """A worker has done one of its jobs."""
        worker.running -= 1
        self._serve(worker)

    def remove_client(self, name: str) -> None:
        """Forget what a client asked for."""
        self.clients.pop(name, None)

    def _add(self, entry: Entry) -> None:
        if not self.ready:
            self.ready = None
            self._put(entry, self.backlog)
        elif not self._prefer(entry):
            worker = self.ready[0]
            self._assign(entry, worker, NOT_CACHED)
            self._mark(entry, worker)

    def _prefer(self, entry: Entry) -> bool:
        """Give it to the least busy worker that has its cache, if that will come to it soon enough."""
        names = self._cached.get(entry.hint, ()) if entry.hint else ()
        workers = [self.workers[name] for name in sorted(names) if name in self.workers]
        fit = [worker for worker in workers if not worker.paused and worker.workload <= NOT_CACHED]
        if not fit:
            return False
        # Upstream goes through them in order and keeps the latest of those that are equal.
        self._assign(entry, min(reversed(fit), key=lambda worker: worker.workload), CACHED)
        return True

    def _serve(self, worker: Worker) -> None:
        """Have it take what it can; then it waits for more, unless it is gone."""
        if self.workers.get(worker.name) is not worker:
            return
        if self.ready and worker in self.ready:
            self.ready.remove(worker)
        while worker.has_room:
            if worker.queue:
                self._begin(worker.queue[0], worker)
            elif self.backlog:
                entry = self._take(self.backlog[0])
                if not self._prefer(entry):
                    self._begin(entry, worker)
            else:
                self.ready = [*(self.ready or ()), worker]
                return

    def _begin(self, entry: Entry, worker: Worker) -> None:
        if entry.queue is not None:
            self._take(entry)
        self._mark(entry, worker)
        worker.running += 1
        entry.start(worker)

    def _leave(self, worker: Worker) -> None:
        """It takes no more; what was in its own queue goes to others."""
        worker.paused = True
        if self.ready and worker in self.ready:
            self.ready.remove(worker)
        for entry in list(worker.queue):
            self._take(entry).cost = -1
            self._add(entry)

    def _mark(self, entry: Entry, worker: Worker) -> None:
        self._cached.setdefault(entry.hint, set()).add(worker.name)

    def _assign(self, entry: Entry, worker: Worker, cost: int) -> None:
        entry.cost, entry.worker = cost, worker
        worker.workload += cost
        self._put(entry, worker.queue)
        if self.ready and worker in self.ready:
            self.ready.remove(worker)
        # Upstream's worker is a process of its own, and takes it a moment later.
        asyncio.get_running_loop().call_soon(self._serve, worker)

    def _put(self, entry: Entry, queue: list[Entry]) -> None:
        bisect.insort(queue, entry, key=lambda entry: entry.order)
        entry.queue = queue

    def _take(self, entry: Entry) -> Entry:
        assert entry.queue is not None
        entry.queue.remove(entry)
        entry.queue = None
        if entry.worker:
            entry.worker.workload -= entry.cost
            entry.worker = None
        return entry

    def disconnected(self) -> Iterator[tuple[str, bool]]:
        """The workers that are away, by name, and whether they are paused."""
        return ((name, paused) for name, paused in sorted(self.known.items()) if name not in self.workers)
