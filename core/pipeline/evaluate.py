"""From graph and results to the state of each node, and to what has to be started and cancelled. Pure.

Laws (tests/core/pipeline/test_laws.py):

- Evaluating, doing what it says, and evaluating again says nothing more: it is idempotent.
- The order of refs, recipes, results and active jobs changes nothing.
- A service is never moved while another deployment of it runs, nor to a release whose builds did not all succeed.
- Two publications of one target are never in hand at once, and a newer one comes after an older one.
- A service is never moved before those that it comes after run the same release, and none of them was taken back.
- What failed, and what a person cancelled, is not started again, unless what it was made of was made again.
- What succeeded is done again only if that is so, or if it was undone: a person rebuilds, or a service is moved away.
- A digest of a commit that a service did not stay healthy with is not tried again for it before a person asks.
- Drift is put right while nothing newer can be deployed, and never beside another deployment of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.pipeline.drift import DriftAction, decide
from core.pipeline.facts import ActiveJob, Result, ServiceFact, Snapshot, UnhealthyFact
from core.pipeline.graph import Graph, Node, build
from core.pipeline.operations import Deploy, Operation, Publish
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
    repairs = {service.id: repair for service in snapshot.services if (repair := _repair(service))}
    wanted = set(graph.fingerprints())
    if any(job.service is not None for job in snapshot.active):
        wanted |= {each.fingerprint for each in repairs.values()}
    unwanted = _unwanted(snapshot.active, wanted)
    found = _States(snapshot, graph, unwanted, repairs)
    states = found.all()
    start: dict[str, Operation] = {
        node.operation.fingerprint: node.operation
        for node in graph.nodes.values()
        if node.operation and states[node.id].status is Status.READY
    }
    start |= {each.fingerprint: each for each in found.repairs_due()}
    cancel = [*unwanted, *found.overtaken, *_held_back(graph, states, snapshot.results)]
    return Evaluation(graph=graph, states=states, start=list(start.values()), cancel=cancel)


def _repair(service: ServiceFact) -> Deploy | None:
    """What puts a service right: it is moved to what its latest deployment said."""
    if not service.running:
        return None
    words = service.drift.words if service.drift else "somebody asked"
    commit = service.running_commit
    return Deploy(service=service.id, release=service.running, commit=commit, repairs=words, level=service.level)


def _unwanted(active: Iterable[ActiveJob], wanted: set[str]) -> list[Cancel]:
    """The jobs that nothing asks for any more. A deployment that runs is left to end: half-way is nowhere."""
    return [
        Cancel(job.job, "it is not wanted any more: the ref has moved on or is gone, or its declaration changed")
        for job in active
        if job.fingerprint not in wanted and not (job.service is not None and job.state is JobState.RUNNING)
    ]


def _held_back(graph: Graph, states: Mapping[str, NodeState], results: Mapping[str, Result]) -> Iterator[Cancel]:
    """The jobs that wait although what comes before is not done any more: they are queued anew once it is."""
    for id, node in graph.nodes.items():
        result = results.get(node.operation.fingerprint) if node.operation else None
        if result and result.state is JobState.QUEUED and states[id].status is Status.BLOCKED:
            yield Cancel(result.job, f"it is held back: {states[id].reason}")


class _States:
    """Finds the state of each node, those first that others need."""

    def __init__(
        self, snapshot: Snapshot, graph: Graph, unwanted: Iterable[Cancel], repairs: Mapping[int, Deploy]
    ) -> None:
        self._graph = graph
        self._results = snapshot.results
        self._services = {service.id: service for service in snapshot.services}
        self._repairs = repairs
        #: Repairs that gave way to something newer.
        self.overtaken: list[Cancel] = []
        cancelled = {each.job for each in unwanted}
        # What waits is gone as soon as it is cancelled; what runs is in the way until its runner has ended it.
        self._in_hand = {
            job.exclusive: job for job in snapshot.active if not (job.job in cancelled and job.state is JobState.QUEUED)
        }
        self._found: dict[str, NodeState] = {}

    def all(self) -> Mapping[str, NodeState]:
        for node in self._graph.nodes.values():
            self._found[node.id] = self._state(node)
        return self._found

    def _state(self, node: Node) -> NodeState:
        if node.missing:
            inputs = " and ".join(f"input {name}" for name in node.missing)
            return NodeState(status=Status.BLOCKED, reason=f"waits for {inputs}: not read yet")
        if blocked := self._blocked_by(node.after, _why_blocked):
            return blocked
        assert node.operation is not None, "only a node that waits for an input, or for one that does, has no operation"
        other = self._in_hand.get(node.operation.exclusive)
        if other and other.fingerprint != node.operation.fingerprint:
            return self._beside(node.operation, other)
        state = self._own_state(node.operation)
        held = self._held(node) if state.status in (Status.READY, Status.WAITING) else None
        return held or state

    def _beside(self, operation: Operation, other: ActiveJob) -> NodeState:
        """The state of an operation while another that it must not run beside is in hand."""
        repair = isinstance(operation, Deploy) and self._repairs.get(operation.service)
        if repair and other.fingerprint == repair.fingerprint:
            state = self._own_state(operation)
            if state.status is Status.DONE:
                status = Status.RUNNING if other.state is JobState.RUNNING else Status.WAITING
                return NodeState(status=status, reason="its drift is put right", job=other.job)
            if state.status is Status.READY and other.state is JobState.QUEUED:
                self.overtaken.append(Cancel(other.job, "something newer is to be deployed"))
            elif state.status is not Status.READY:
                return state
        return NodeState(status=Status.BLOCKED, reason=f"waits for {other.title} to end", job=other.job)

    def repairs_due(self) -> Iterator[Deploy]:
        """What puts right the services that have drifted and that nothing newer can be deployed to."""
        for id, node in self._graph.services().items():
            service, status = self._services[id], self._found[node.id].status
            if status in _UNDER_WAY or service.drift is None or f"service:{id}" in self._in_hand:
                continue
            if id in self._repairs and decide(service.drift).action is DriftAction.HEAL:
                yield self._repairs[id]

    def _own_state(self, operation: Operation) -> NodeState:
        """The state of an operation before which everything is done."""
        result = self._results.get(operation.fingerprint)
        if result is None or self._is_past(operation, result):
            if isinstance(operation, Deploy) and (bad := self._unhealthy(operation)):
                return NodeState(status=Status.FAILED, reason=_why_not_again(bad))
            return NodeState(status=Status.READY, reason=_why_ready(operation))
        status, does = _OF_JOB[result.state]
        reason = "" if status is Status.DONE else result.reason or f"job {result.job} {does}"
        return NodeState(status=status, reason=reason, job=result.job, value=result.value)

    def _is_past(self, operation: Operation, result: Result) -> bool:
        """Whether a result counts no longer: nobody wished for it, or what it was made of was made again since."""
        if result.active:
            return False
        if result.state is JobState.CANCELLED and not result.by_person:
            return True
        if result.state is JobState.SUCCEEDED and isinstance(operation, Deploy):
            return not self._runs(operation)
        return any(self._results[each].job > result.job for each in _made_of(operation))

    def _runs(self, operation: Deploy) -> bool:
        """Whether the service still runs what this operation moved it to.

        It may have been moved elsewhere since, or the release been published again with another digest.
        """
        service = self._services[operation.service]
        if service.running != operation.release:
            return False
        return operation.rollback or service.digest == self._results[operation.release].value

    def _unhealthy(self, operation: Deploy) -> UnhealthyFact | None:
        """What is known against moving a service there. Who rolls back asks for it, whatever became of it before."""
        if operation.rollback:
            return None
        digest = self._results[operation.release].value
        bad = self._services[operation.service].unhealthy
        return next((each for each in bad if (each.commit, each.digest) == (operation.commit, digest)), None)

    def _held(self, node: Node) -> NodeState | None:
        """Whether a service that could be moved is held back by those that move before it."""
        for id in node.behind:
            if self._graph.nodes[id].rolled_back:
                return NodeState(status=Status.BLOCKED, reason=_why_not_past(self._graph.nodes[id].label))
        return self._blocked_by(node.behind, _why_held)

    def _blocked_by(self, before: Sequence[str], why: Callable[[NodeState, str], str]) -> NodeState | None:
        undone = [id for id in before if self._found[id].status is not Status.DONE]
        if not undone:
            return None
        worst = min(undone, key=lambda each: _BLOCKS.index(self._found[each].status))
        state = self._found[worst]
        return NodeState(status=Status.BLOCKED, reason=why(state, self._graph.nodes[worst].label), job=state.job)


def _made_of(operation: Operation) -> Iterable[str]:
    """The operations whose results an operation works on. A rollback goes to what was published once, come what may."""
    match operation:
        case Publish():
            return operation.builds.values()
        case Deploy(request=None):
            return (operation.release,)
        case _:
            return ()


#: Of a service to which something is deployed, or about to be.
_UNDER_WAY = (Status.READY, Status.WAITING, Status.RUNNING)
#: Which of several undone nodes is told: first what will not pass by itself.
_BLOCKS = (Status.FAILED, Status.CANCELLED, Status.BLOCKED, Status.WAITING, Status.READY, Status.RUNNING)


def _why_ready(operation: Operation) -> str:
    rollback = isinstance(operation, Deploy) and operation.rollback
    return "a rollback to an older release was asked for" if rollback else "nothing holds it"


def _why_not_again(bad: UnhealthyFact) -> str:
    return (
        f"it did not stay healthy with this image (deployment {bad.deployment}): it is not tried again before somebody"
        " deploys it again or a new commit is pushed"
    )


def _why_blocked(before: NodeState, label: str) -> str:
    match before.status:
        case Status.FAILED | Status.CANCELLED:
            return f"the {label} {_ENDED[before.status]}: push a new commit or run it again"
        case Status.BLOCKED:
            return before.reason
        case _:
            return f"waits for the {label}"


def _why_held(before: NodeState, label: str) -> str:
    match before.status:
        case Status.FAILED | Status.CANCELLED:
            ended = _ENDED[before.status]
            return (
                f"the {label} {ended}: the others stay where they are until it is run again or a new commit is pushed"
            )
        case Status.BLOCKED:
            return before.reason
        case _:
            return f"waits for the {label}: it moves first"


def _why_not_past(label: str) -> str:
    until = "until the branch moves on or its rollback is lifted"
    return f"the {label} was rolled back: those that move after it stay where they are {until}"


_ENDED = {Status.FAILED: "failed", Status.CANCELLED: "was cancelled"}
