"""What would be done, as a list for people and scripts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.pipeline.evaluate import Evaluation, Status
from core.pipeline.graph import NodeKind
from core.pipeline.operations import Deploy

_VERBS = {
    NodeKind.CHECK: "check",
    NodeKind.BUILD: "build",
    NodeKind.RELEASE: "publish",
    NodeKind.SERVICE: "deploy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that would be done.

    :param verb: `check`, `build`, `publish`, `deploy` or `cancel`.
    :param when: `now`, or `then` for what follows when the steps before it succeed, or `stuck`.
    :param level: the word of its level.
    :param gates: what can hold a deployment back, as people call it.
    """

    repository: str
    verb: str
    what: str
    commit: str
    when: str
    reason: str
    level: str = ""
    gates: Sequence[str] = ()


def steps(repository: str, evaluation: Evaluation) -> Iterable[Step]:
    """List what is not done yet, in the order in which it would be done."""
    for id, node in evaluation.graph.nodes.items():
        state = evaluation.states[id]
        if state.status is Status.DONE:
            continue
        yield Step(
            repository=repository,
            verb=_VERBS[node.kind],
            what=node.label,
            commit=node.commit,
            when=_when(evaluation, id),
            reason=state.reason,
            level=node.operation.level.word if node.operation else "",
            gates=node.gates,
        )
    yield from _repairs(repository, evaluation)
    for cancel in evaluation.cancel:
        yield Step(
            repository=repository, verb="cancel", what=f"job {cancel.job}", commit="", when="now", reason=cancel.reason
        )


def _repairs(repository: str, evaluation: Evaluation) -> Iterable[Step]:
    """What puts right what has drifted."""
    nodes = evaluation.graph.services()
    for each in evaluation.start:
        if isinstance(each, Deploy) and each.repairs:
            yield Step(
                repository=repository,
                verb="deploy",
                what=nodes[each.service].label,
                commit=each.commit,
                when="now",
                reason=f"its drift is put right: {each.repairs}",
                level=each.level.word,
            )


def _when(evaluation: Evaluation, id: str) -> str:
    """`stuck` if it, or anything before it, failed or was cancelled by a person, or was rolled back."""
    status = evaluation.states[id].status
    if status in (Status.FAILED, Status.CANCELLED):
        return "stuck"
    if status is not Status.BLOCKED:
        return "now"
    node = evaluation.graph.nodes[id]
    if any(evaluation.graph.nodes[each].rolled_back for each in node.behind):
        return "stuck"
    before = [_when(evaluation, each) for each in (*node.after, *node.behind)]
    return "stuck" if "stuck" in before else "then"
