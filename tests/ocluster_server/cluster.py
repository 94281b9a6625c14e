"""The cluster: its pools, what their workers do, and what was ever submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.ocluster_server.build import Build
from tests.ocluster_server.description import Description
from tests.ocluster_server.pool import Pool, Worker
from tests.ocluster_server.record import Record, State
from tests.ocluster_server.script import Rule, Script


class Cluster:
    """All of it, apart from who may use it.

    :param pools: the capacity of each worker of each pool.
    :param rules: which script is for which job.
    :param first: the number of the first job.
    """

    def __init__(self, pools: Mapping[str, Mapping[str, int]], rules: list[Rule], first: int) -> None:
        self.pools = {name: Pool(name) for name in pools}
        self.rules, self.records, self._first = rules, dict[int, Record](), first
        self._builds: dict[int, Build] = {}
        for pool, workers in pools.items():
            for worker, capacity in workers.items():
                self.pools[pool].register(worker, capacity)

    def record(self, client: str, pool: str, urgent: bool, description: Description) -> Record:
        """Note what was submitted."""
        record = Record(self._first + len(self.records), client, pool, urgent, description)
        self.records[record.number] = record
        return record

    def script_for(self, record: Record) -> Script:
        """The latest that was set for such a job."""
        fitting = (
            rule.script for rule in reversed(self.rules) if rule.fits(record.pool, record.description.repository)
        )
        return next(fitting, Script())

    def start(self, record: Record, script: Script, worker: Worker, reset: Callable[[], None]) -> Build:
        """A worker begins with a job."""
        record.state, record.worker = State.RUNNING, worker.name
        pool = self.pools[record.pool]

        def ended() -> None:
            del self._builds[record.number]
            pool.finished(worker)

        def lose() -> None:
            # It comes back at once, as a service manager would have it.
            self.lose_worker(record.pool, worker.name)
            pool.register(worker.name, worker.capacity)

        build = self._builds[record.number] = Build(record, script, on_end=ended, reset=reset, lose=lose)
        return build

    def lose_worker(self, pool: str, name: str) -> None:
        """A worker is gone, and what it did with it."""
        self.pools[pool].release(name)
        for build in list(self._builds.values()):
            if (build.record.pool, build.record.worker) == (pool, name):
                build.lose()

    def finish(self, number: int, fail: str) -> None:
        """Have a job that hangs go on."""
        self._builds[number].finish(fail)
