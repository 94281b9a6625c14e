"""What the simulated world keeps: its rows, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.pipeline.facts import Policy, RecipeFact, Result, TargetFact
from core.pipeline.operations import Operation
from core.states import JOB, JobState

#: How an operation ends.
Fate = Callable[[Operation], JobState]


@dataclass(frozen=True)
class Declaration:
    """What is declared of the repository, and how its flavour is run."""

    recipes: tuple[RecipeFact, ...]
    policy: Policy

    def targets(self) -> list[TargetFact]:
        return [target for recipe in self.recipes for target in recipe.targets]

    def services(self) -> dict[int, TargetFact]:
        """The target of each service."""
        return {service.id: target for target in self.targets() for service in target.services}


@dataclass
class Job:
    """A job's row. `head` counts how often a branch had moved when it was queued.

    :param digest: what a deployment moves its service to.
    :param value: what it makes if it succeeds; known when it begins.
    """

    id: int
    operation: Operation
    head: int = 0
    digest: str = ""
    value: str = ""
    state: JobState = JobState.QUEUED
    cancel_asked: bool = False
    by_person: bool = False

    @property
    def active(self) -> bool:
        return self.state in JOB.active

    @property
    def exclusive(self) -> str:
        return self.operation.exclusive


@dataclass(frozen=True)
class Start:
    """An operation that an evaluation started.

    :param before: the newest result that it had then.
    :param needed: the states of what has to be done before it.
    :param remade: whether any of that succeeded again after the result before.
    :param changes: False for a deployment of what the service was moved to last.
    :param ahead: of each service that moves before it, whether it runs the same by its own deployment.
    """

    operation: Operation
    before: Result | None
    needed: Sequence[JobState | None]
    remade: bool = False
    changes: bool = True
    ahead: Sequence[bool] = ()


@dataclass(frozen=True)
class Move:
    """A service that was moved: by whom, and from which head of the branch to which. None for a rollback."""

    service: int
    branch: str
    head: int | None
    release: str


@dataclass(frozen=True)
class Tag:
    """The tag of a target that was moved: to the release of which head of the branch."""

    target: int
    head: int
