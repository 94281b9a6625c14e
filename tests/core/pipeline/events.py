"""What can happen to a world, as values: hypothesis makes lists of them and shortens those that break a law."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.pipeline.operations import Build, Deploy, Operation
from core.states import JobState
from tests.core.pipeline.rows import Declaration, Fate
from tests.core.pipeline.world import World

_T = TypeVar("_T")

#: Who may have chosen the commit of a ref: somebody with write access, or anybody.
REFS = {
    "refs/heads/live": True,
    "refs/heads/staging": True,
    "refs/heads/feature": True,
    "refs/pull/2/head": False,
}


@dataclass(frozen=True)
class Event:
    """Something that happens. `pick` chooses among what is there then; an event that finds nothing does nothing."""

    verb: str
    name: str = ""
    value: str = ""
    pick: int = 0
    declaration: Declaration | None = None

    def happen(self, world: World) -> None:
        getattr(self, f"_{self.verb}")(world)

    # Outside

    def _push(self, world: World) -> None:
        world.push(self.name, self.value, trusted=REFS[self.name])

    def _drop(self, world: World) -> None:
        world.drop(self.name)

    def _input(self, world: World) -> None:
        world.move_input(self.name, self.value)

    def _declare(self, world: World) -> None:
        assert self.declaration is not None
        world.declare(self.declaration)

    # Runners

    def _claim(self, world: World) -> None:
        for job in self._one([job for job in world.active_jobs() if job.state is JobState.QUEUED]):
            world.claim(job)

    def _succeed(self, world: World) -> None:
        for job in self._one([job for job in world.active_jobs() if job.state is JobState.RUNNING]):
            world.end(job, JobState.SUCCEEDED)

    def _fail(self, world: World) -> None:
        for job in self._one([job for job in world.active_jobs() if job.state is JobState.RUNNING]):
            world.end(job, JobState.FAILED)

    def _hear(self, world: World) -> None:
        """A runner hears that a job's cancel was asked for."""
        running = [job for job in world.active_jobs() if job.state is JobState.RUNNING]
        for job in self._one([job for job in running if job.cancel_asked]):
            world.end(job, JobState.CANCELLED)

    def _crash(self, world: World) -> None:
        """Every runner is lost."""
        for job in [job for job in world.active_jobs() if job.state is JobState.RUNNING]:
            world.put_back(job)

    def _work(self, world: World) -> None:
        world.work(fate(()))

    def _settle(self, world: World) -> None:
        world.settle(fate(()))

    # People

    def _cancel(self, world: World) -> None:
        for job in self._one(world.active_jobs()):
            world.cancel(job)

    def _again(self, world: World) -> None:
        for job in self._one(
            [job for job in world.jobs if not job.active and job is world.newest(job.operation.fingerprint)]
        ):
            world.again(job)

    def _roll_back(self, world: World) -> None:
        for service, release in self._one(world.ways_back()):
            world.roll_back(service, release)

    def _lift(self, world: World) -> None:
        for service in self._one(sorted(world.rollbacks)):
            world.lift(service)

    # The engine

    def _look(self, world: World) -> None:
        world.look()

    def _look_at(self, world: World) -> None:
        world.look([self.name])

    def _look_at_everything(self, world: World) -> None:
        world.look_at_everything()

    def _one(self, these: Sequence[_T]) -> Sequence[_T]:
        return [these[self.pick % len(these)]] if these else []


def fate(broken: Collection[str], stuck: Collection[int] = ()) -> Fate:
    """Say how every operation ends: builds of the broken commits fail, and so do deployments of the stuck services."""

    def end(operation: Operation) -> JobState:
        fails = isinstance(operation, Build) and operation.commit in broken
        fails |= isinstance(operation, Deploy) and operation.service in stuck
        return JobState.FAILED if fails else JobState.SUCCEEDED

    return end
