"""Facts with good defaults, for the tables: one repository with one recipe, one target and one service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.pipeline.declaration import FromInput
from core.pipeline.facts import (
    ActiveJob,
    Policy,
    RecipeFact,
    RefFact,
    Result,
    RollbackFact,
    ServiceFact,
    Snapshot,
    TargetFact,
)
from core.pipeline.graph import Graph, build
from core.states import JobState, RefKind, Rollout

#: What every operation that has succeeded made.
MADE = "made"
ONE, TWO, THREE = (str(number) * 40 for number in (1, 2, 3))


def ref(name: str = "live", commit: str = ONE, *, trusted: bool | None = None) -> RefFact:
    """A branch by its short name, or a pull request by its full one."""
    branch = not name.startswith("refs/")
    return RefFact(
        id=0,
        ref=f"refs/heads/{name}" if branch else name,
        kind=RefKind.BRANCH if branch else RefKind.PULL_REQUEST,
        commit=commit,
        trusted=branch if trusted is None else trusted,
    )


def service(
    id: int = 1, *, name: str = "shop", running: str = "", digest: str = MADE, rollback: RollbackFact | None = None
) -> ServiceFact:
    return ServiceFact(id=id, name=name, running=running, digest=digest if running else "", rollback=rollback)


def target(
    id: int = 1,
    *,
    branch: str = "live",
    image: str = "acme/shop:live",
    services: Sequence[ServiceFact] | None = None,
    rollout: Rollout = Rollout.TOGETHER,
) -> TargetFact:
    services = [service()] if services is None else services
    return TargetFact(id=id, branch=branch, image=image, services=services, rollout=rollout)


def recipe(
    id: int = 1,
    *,
    name: str = "web",
    platforms: Sequence[str] = ("linux/amd64",),
    args: Mapping[str, str | FromInput] | None = None,
    targets: Sequence[TargetFact] | None = None,
    definition: str = "one",
    recheck: bool = False,
) -> RecipeFact:
    return RecipeFact(
        id=id,
        name=name,
        definition=definition,
        platforms=platforms,
        args=args or {},
        targets=[target()] if targets is None else targets,
        recheck=recheck,
    )


def snapshot(
    *refs: RefFact,
    recipes: Sequence[RecipeFact] | None = None,
    inputs: Mapping[str, str] | None = None,
    results: Mapping[str, Result] | None = None,
    active: Sequence[ActiveJob] = (),
    policy: Policy | None = None,
) -> Snapshot:
    return Snapshot(
        repository="acme/shop",
        recipes=[recipe()] if recipes is None else recipes,
        refs=refs or [ref()],
        inputs=inputs or {},
        results=results or {},
        active=active,
        policy=policy or Policy(),
    )


def result(state: JobState = JobState.SUCCEEDED, *, job: int = 1, reason: str = "", by_person: bool = False) -> Result:
    value = MADE if state is JobState.SUCCEEDED else ""
    return Result(job=job, state=state, value=value, reason=reason, by_person=by_person)


def fingerprint(graph: Graph, id: str) -> str:
    """The fingerprint of a node's operation."""
    operation = graph.nodes[id].operation
    assert operation is not None
    return operation.fingerprint


def results(of: Snapshot, **states: Result | JobState) -> dict[str, Result]:
    """Results by the kind of their nodes: `build=…, release=…, service=…, check=…`."""
    graph = build(of)
    made = {kind: state if isinstance(state, Result) else result(state) for kind, state in states.items()}
    return {fingerprint(graph, id): made[str(node.kind)] for id, node in graph.nodes.items() if str(node.kind) in made}
