"""What is kept of every job that was submitted, for tests to look at."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from tests.ocluster_server.description import Description


class State(StrEnum):
    """How far a job is, or how it ended."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    #: Its worker was, or the whole scheduler.
    LOST = "lost"


@dataclass(slots=True)
class Record:
    """One submitted job.

    :param number: counts what was submitted, also over restarts.
    :param client: the name whose capability was used.
    :param cancelled: somebody asked for that, or let go of it.
    :param output: what it answered.
    """

    number: int
    client: str
    pool: str
    urgent: bool
    description: Description
    state: State = State.QUEUED
    worker: str = ""
    cancelled: bool = False
    output: str = ""

    @property
    def ended(self) -> bool:
        return self.state not in (State.QUEUED, State.RUNNING)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """From JSON."""
        description = told["description"]
        lists = {key: tuple(description[key]) for key in ("commits", "build_args")}
        return cls(**told | {"description": Description(**description | lists), "state": State(told["state"])})
