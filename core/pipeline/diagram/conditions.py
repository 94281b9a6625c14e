"""How something of a diagram is: what the evaluation says, and what is seen of a service after its deployment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from core.pipeline.evaluate import Status


class Condition(StrEnum):
    """How a box is, worst first. `unwell`: it was deployed, and is not healthy now or runs something else."""

    FAILED = "failed"
    UNWELL = "unwell"
    RUNNING = "running"
    WAITING = "waiting"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    DONE = "done"

    @property
    def words(self) -> str:
        """What people are told."""
        return _WORDS[self]


_WORDS = {
    Condition.FAILED: "failed",
    Condition.UNWELL: "not well",
    Condition.RUNNING: "running",
    Condition.WAITING: "waiting",
    Condition.BLOCKED: "held back",
    Condition.CANCELLED: "cancelled",
    Condition.DONE: "up to date",
}

BROKEN = frozenset({Condition.FAILED, Condition.UNWELL})
ACTIVE = frozenset({Condition.RUNNING, Condition.WAITING})

_OF_STATUS = {
    Status.FAILED: Condition.FAILED,
    Status.RUNNING: Condition.RUNNING,
    Status.WAITING: Condition.WAITING,
    # What is ready has its job with the next look, within a second or so.
    Status.READY: Condition.WAITING,
    Status.BLOCKED: Condition.BLOCKED,
    Status.CANCELLED: Condition.CANCELLED,
    Status.DONE: Condition.DONE,
}


def of_status(status: Status) -> Condition:
    """What an evaluation's status is in a diagram."""
    return _OF_STATUS[status]


def worst(conditions: Iterable[Condition]) -> Condition:
    """The worst of some; all is well where there is none."""
    found = set(conditions)
    return next((each for each in Condition if each in found), Condition.DONE)


def counts(conditions: Iterable[Condition]) -> Sequence[tuple[Condition, int]]:
    """How many there are of each, worst first."""
    counted = Counter(conditions)
    return [(each, counted[each]) for each in Condition if counted[each]]
