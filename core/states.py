"""Levels, states and the moves between them, as data. No Django and no I/O here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Generic, Self, TypeVar

from core.errors import ConfigurationError, TransitionError


class Level(IntEnum):
    """The risk of an operation, from none to the most. Compared with a flavour's confirmation threshold."""

    HARMLESS = 0
    MOSTLY_HARMLESS = 1
    AVERAGE = 2
    ABOVE_AVERAGE = 3
    DANGEROUS = 4

    @property
    def word(self) -> str:
        """How people write it: `mostly-harmless`."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def parse(cls, word: str) -> Self:
        """Read a level as people write it.

        :raises ConfigurationError: names the levels that exist.
        """
        for level in cls:
            if level.word == word.strip().lower().replace("_", "-"):
                return level
        raise ConfigurationError(f"there is no level {word!r}; the levels are {', '.join(each.word for each in cls)}")


class TokenScope(StrEnum):
    """What a token for the API may be used for; its owner's roles limit it further."""

    READ = "read"
    ACT = "act"


class Role(IntEnum):
    """What a person may do: a viewer looks, a builder starts and stops work, an admin changes what is declared."""

    VIEWER = 0
    BUILDER = 1
    ADMIN = 2


class HoldKind(StrEnum):
    """How a person holds things still: one service altogether, one service but for what people ask for, a flavour."""

    LOCK = "lock"
    PAUSE = "pause"
    FREEZE = "freeze"


class ProcessKind(StrEnum):
    """What a process of the deployer is for."""

    WEB = "web"
    RUNNER = "runner"
    QCLUSTER = "qcluster"


class RefKind(StrEnum):
    BRANCH = "branch"
    PULL_REQUEST = "pull-request"


class Purpose(StrEnum):
    """Why something is built: to see whether it could be deployed, or to deploy it."""

    CHECK = "check"
    RELEASE = "release"


class Rollout(StrEnum):
    """How the services of a target move: all at once, each after the one before it, or a first one before the others."""

    TOGETHER = "together"
    IN_ORDER = "in-order"
    CANARY = "canary"


class DriftPolicy(StrEnum):
    """What is done when a service does not run what its latest deployment says: nothing, it is told, it is put right."""

    OFF = "off"
    ASK = "ask"
    HEAL = "heal"


class Health(StrEnum):
    UNKNOWN = "unknown"
    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    ABSENT = "absent"


class JobKind(StrEnum):
    BUILD = "build"
    RELEASE = "release"
    DEPLOYMENT = "deployment"
    INPUT = "input"


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Actor(StrEnum):
    """Who may cause a move."""

    RUNNER = "runner"
    RECONCILE = "reconcile"
    PERSON = "person"


State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True)
class Machine(Generic[State]):
    """A state machine: for each move that is allowed, who may cause it. What is not listed is refused."""

    moves: Mapping[tuple[State, State], frozenset[Actor]]

    @property
    def active(self) -> frozenset[State]:
        """The states that something leads out of."""
        return frozenset(old for old, _ in self.moves)

    @property
    def final(self) -> frozenset[State]:
        """The states that nothing leads out of."""
        return frozenset(new for _, new in self.moves) - self.active

    def check(self, old: State, new: State, actor: Actor) -> None:
        """Allow a move or raise.

        :raises TransitionError: names the move and who asked for it.
        """
        if actor not in self.moves.get((old, new), frozenset()):
            raise TransitionError(f"{actor} may not move from {old} to {new}")


_ANYBODY = frozenset(Actor)
_RUNNER = frozenset({Actor.RUNNER})

JOB: Machine[JobState] = Machine(
    {
        (JobState.QUEUED, JobState.RUNNING): _RUNNER,
        (JobState.QUEUED, JobState.CANCELLED): _ANYBODY,
        # A lease that ran out, an error that may pass, and a graceful stop put a job back.
        (JobState.RUNNING, JobState.QUEUED): _RUNNER,
        (JobState.RUNNING, JobState.SUCCEEDED): _RUNNER,
        (JobState.RUNNING, JobState.FAILED): _RUNNER,
        # A person or a newer commit only asks for a cancel (`Job.cancel_reason`); the runner ends the work, then moves.
        (JobState.RUNNING, JobState.CANCELLED): _RUNNER,
    }
)
