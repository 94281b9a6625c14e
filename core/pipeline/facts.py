"""What is known, as values: the only things that a decision may depend on.

`id` is a row's primary key, used to tell things apart and to say afterwards what to do with which; the pipeline
itself gives it no meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.pipeline.declaration import FromInput
from core.states import DriftPolicy, JobState, Level, RefKind, Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFact:
    """A person moved the service back to a release, away from a commit; it holds while that commit is the head.

    A second one for the same is another wish: it is carried out even if the first failed.
    """

    id: int
    away_from: str
    release: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairFact:
    """A deployment that nobody asked for and that was to put drift right: when it was begun and whether it failed."""

    at: datetime
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftFact:
    """A service does not run what its latest deployment says.

    :param words: what is otherwise.
    :param repairs: those since the latest deployment of another kind, oldest first.
    :param held: who holds the service still and why, in a sentence without its stop; empty where nobody does.
    :param now: when this was read: some of what follows is put off.
    """

    words: str
    policy: DriftPolicy
    now: datetime
    repairs: Sequence[RepairFact] = ()
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhealthyFact:
    """A digest, published from a commit, that the service did not stay healthy with; nobody has asked for it since.

    :param deployment: the one that showed it.
    """

    commit: str
    digest: str
    deployment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFact:
    """A service.

    :param running: the fingerprint of the release that its latest successful deployment moved it to, and the commit that
        this is of.
    :param digest: the digest of that release then: it may have been published again since, with another.
    :param unhealthy: what is not tried again by itself.
    :param gates: what stands before it, as people call it. They decide when its deployment starts, and nothing here.
    """

    id: int
    name: str
    level: Level = Level.DANGEROUS
    running: str = ""
    running_commit: str = ""
    digest: str = ""
    rollback: RollbackFact | None = None
    unhealthy: Sequence[UnhealthyFact] = ()
    drift: DriftFact | None = None
    gates: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFact:
    """A target. Its services are in the order in which they move, where `rollout` asks for one."""

    id: int
    branch: str
    image: str
    services: Sequence[ServiceFact] = ()
    rollout: Rollout = Rollout.TOGETHER

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.branch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFact:
    """A recipe. `definition` is everything of it that makes its results differ, in a canonical form."""

    id: int
    name: str
    definition: str
    platforms: Sequence[str]
    args: Mapping[str, str | FromInput] = field(default_factory=dict)
    targets: Sequence[TargetFact] = ()
    recheck: bool = False
    build_level: Level = Level.AVERAGE
    publish_level: Level = Level.DANGEROUS


@dataclass(frozen=True, slots=True, kw_only=True)
class RefFact:
    id: int
    ref: str
    kind: RefKind
    commit: str
    trusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The newest job of an operation. Of two jobs the one with the greater key was queued later.

    :param value: what it made, once it succeeded: an artifact, a digest.
    :param by_person: a person cancelled it, and so it is not started again before a person asks.
    """

    job: int
    state: JobState
    value: str = ""
    reason: str = ""
    by_person: bool = False

    @property
    def active(self) -> bool:
        return self.state in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveJob:
    """A job that waits or runs now. `service` is set for a deployment.

    :param exclusive: what it is alone with (`operations`): no two active jobs have the same.
    """

    job: int
    fingerprint: str
    state: JobState
    title: str
    exclusive: str = ""
    service: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a flavour is run: `harmless` looks at deployment branches only and reports nothing."""

    harmless: bool = False
    check: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What one evaluation looks at: a part of a repository that does not depend on the rest of it.

    :param refs: live refs; if one is here, so is every other live ref with the same commit.
    :param inputs: the value of each input that was read.
    :param results: by fingerprint of the operation.
    :param active: the jobs on the commits of `refs`, those of the targets and services that follow them (wherever they
        come from: a service may have moved here), and those on commits that no live ref points to any more.
    """

    repository: str
    recipes: Sequence[RecipeFact]
    refs: Sequence[RefFact]
    inputs: Mapping[str, str] = field(default_factory=dict)
    results: Mapping[str, Result] = field(default_factory=dict)
    active: Sequence[ActiveJob] = ()
    policy: Policy = Policy()

    @property
    def services(self) -> list[ServiceFact]:
        """All services that are declared of the repository."""
        targets = [target for recipe in self.recipes for target in recipe.targets]
        return [service for target in targets for service in target.services]
