"""From graph and results to the state of each node, and to what has to be started and cancelled. Pure.

Laws (tests/core/pipeline/test_laws.py):

- Evaluating, doing what it says, and evaluating again says nothing more: it is idempotent.
- The order of refs, recipes, results and active jobs changes nothing.
- A service is never moved while another deployment of it runs, nor to a release whose builds did not all succeed.
- What failed, and what a person cancelled, is not started again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.pipeline.facts import ActiveJob, Result, ServiceFact, Snapshot
from core.pipeline.graph import Graph, Node, build
from core.pipeline.operations import Deploy, Operation
from core.states import JobState


class Status(StrEnum):
    """Where a node is. `blocked`: something before it is not done. `ready`: nothing holds it, and it has no job yet."""

    BLOCKED = "blocked"
    READY = "ready"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """Where a node is and why; `reason` is empty only for what is done.

    :param job: the job that the state was read from.
    :param value: what a node that is done made: an artifact, a digest.
    """

    status: Status
    reason: str = ""
    job: int | None = None
    value: str = ""


@dataclass(frozen=True, slots=True)
class Cancel:
    job: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All that follows from a snapshot."""

    graph: Graph
    states: Mapping[str, NodeState]
    start: Sequence[Operation]
    cancel: Sequence[Cancel]


#: What the state of its newest job says of a node, and how people are told where the job gives no reason.
_OF_JOB = {
    JobState.QUEUED: (Status.WAITING, "is queued"),
    JobState.RUNNING: (Status.RUNNING, "is running"),
    JobState.SUCCEEDED: (Status.DONE, "has succeeded"),
    JobState.FAILED: (Status.FAILED, "failed and does not say why"),
    JobState.CANCELLED: (Status.CANCELLED, "was cancelled"),
}


def evaluate(snapshot: Snapshot, graph: Graph | None = None) -> Evaluation:
    """Say where everything is and what has to be done about it.

    :param graph: of this snapshot, where it was made already to find out which results to read.
    """
    graph = graph or build(snapshot)
    services = {
        service.id: service for recipe in snapshot.recipes for target in recipe.targets for service in target.services
    }
    deploying = {job.service: job for job in snapshot.active if job.service is not None}
    cancel = _unwanted(snapshot.active, set(graph.fingerprints()))
    freed = {each.job for each in cancel}
    states: dict[str, NodeState] = {}
    for node in graph.nodes.values():
        states[node.id] = _state(node, graph, states, snapshot.results, services, deploying, freed)
    start = {
        node.operation.fingerprint: node.operation
        for node in graph.nodes.values()
        if node.operation and states[node.id].status is Status.READY
    }
    return Evaluation(graph=graph, states=states, start=list(start.values()), cancel=cancel)


def _unwanted(active: Iterable[ActiveJob], wanted: set[str]) -> list[Cancel]:
    """The jobs that nothing asks for any more. A deployment that runs is left to end: half-way is nowhere."""
    return [
        Cancel(job.job, "it is not wanted any more: the ref has moved on or is gone, or its declaration changed")
        for job in active
        if job.fingerprint not in wanted and not (job.service is not None and job.state is JobState.RUNNING)
    ]


def _state(
    node: Node,
    graph: Graph,
    states: Mapping[str, NodeState],
    results: Mapping[str, Result],
    services: Mapping[int, ServiceFact],
    deploying: Mapping[int, ActiveJob],
    freed: set[int],
) -> NodeState:
    if blocked := _blocked(node, graph, states):
        return blocked
    assert node.operation is not None, "only a node that waits for an input, or for one that does, has no operation"
    result = results.get(node.operation.fingerprint)
    if isinstance(node.operation, Deploy):
        other = deploying.get(node.operation.service)
        if other and other.job not in freed and other.fingerprint != node.operation.fingerprint:
            return NodeState(status=Status.BLOCKED, reason=f"waits for {other.title} to end", job=other.job)
        if result and result.state is JobState.SUCCEEDED and not _runs(node.operation, services):
            result = None
    if result is None or (result.state is JobState.CANCELLED and not result.by_person):
        return NodeState(status=Status.READY, reason=_why_ready(node.operation))
    status, does = _OF_JOB[result.state]
    reason = result.reason or f"job {result.job} {does}"
    return NodeState(status=status, reason="" if status is Status.DONE else reason, job=result.job, value=result.value)


def _why_ready(operation: Operation) -> str:
    rollback = isinstance(operation, Deploy) and operation.rollback
    return "a rollback to an older release was asked for" if rollback else "nothing holds it"


def _runs(operation: Deploy, services: Mapping[int, ServiceFact]) -> bool:
    """Whether the service still runs what this operation moved it to: it may have been moved elsewhere since."""
    return services[operation.service].running == operation.release


def _blocked(node: Node, graph: Graph, states: Mapping[str, NodeState]) -> NodeState | None:
    if node.missing:
        inputs = " and ".join(f"input {name}" for name in node.missing)
        return NodeState(status=Status.BLOCKED, reason=f"waits for {inputs}: not read yet")
    undone = [id for id in node.after if states[id].status is not Status.DONE]
    if not undone:
        return None
    worst = min(undone, key=lambda each: _BLOCKS.index(states[each].status))
    before = states[worst]
    return NodeState(status=Status.BLOCKED, reason=_why_blocked(before, graph.nodes[worst].label), job=before.job)


#: Which of several undone nodes is told: first what will not pass by itself.
_BLOCKS = (Status.FAILED, Status.CANCELLED, Status.BLOCKED, Status.WAITING, Status.READY, Status.RUNNING)


def _why_blocked(before: NodeState, label: str) -> str:
    match before.status:
        case Status.FAILED | Status.CANCELLED:
            ended = "failed" if before.status is Status.FAILED else "was cancelled"
            return f"the {label} {ended}: push a new commit or run it again"
        case Status.BLOCKED:
            return before.reason
        case _:
            return f"waits for the {label}"
