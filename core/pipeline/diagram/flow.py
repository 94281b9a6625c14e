"""A repository's pipeline as boxes and edges, as people read it: ref ▸ builds ▸ release ▸ services."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.pipeline.diagram.conditions import ACTIVE, BROKEN, Condition, of_status, worst
from core.pipeline.evaluate import Evaluation
from core.pipeline.graph import Node, NodeKind
from core.pipeline.operations import Publish


class Kind(StrEnum):
    """What a box stands for. `more`: refs that are not shown, counted."""

    COMMIT = "commit"
    CHECK = "check"
    BUILD = "build"
    RELEASE = "release"
    SERVICE = "service"
    MORE = "more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One thing in a diagram.

    :param id: the same in every diagram: that of the graph's node, where it is one.
    :param what: how people call it in a sentence.
    :param label: its first line, and `detail` its second: neither is complete without the kind.
    :param reason: one sentence: why it is not done. Empty for what is.
    :param commit: which it belongs to; empty for what belongs to none.
    :param job: the job that its condition was read from.
    :param page: where more is told.
    :param gates: what stands before a service, as people call it.
    """

    id: str
    kind: Kind
    what: str
    label: str
    detail: str = ""
    condition: Condition = Condition.DONE
    reason: str = ""
    commit: str = ""
    job: int | None = None
    page: str = ""
    gates: Sequence[str] = ()

    @property
    def sentence(self) -> str:
        """All of it in words."""
        said = f"{self.what}: {self.condition.words}"
        said = f"{said}. {self.reason[:1].upper()}{self.reason[1:]}" if self.reason else said
        return f"{said.rstrip('.')}. Behind: {'; '.join(self.gates)}" if self.gates else said


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`after` comes after `before`: it is made of it, or, where `held`, held back by it."""

    before: str
    after: str
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """A repository's pipeline. Each box stands after all those that it comes after.

    :param trouble: why its source could not be looked at, in a sentence; empty where it could.
    """

    repository: int
    name: str
    page: str
    boxes: Sequence[Box] = ()
    edges: Sequence[Edge] = ()
    trouble: str = ""

    @property
    def conditions(self) -> list[Condition]:
        """Of all there is to do; a commit's is made of those of the others."""
        own = [Condition.FAILED] if self.trouble else []
        return own + [box.condition for box in self.boxes if box.kind not in (Kind.COMMIT, Kind.MORE)]

    @property
    def worst(self) -> Condition:
        return worst(self.conditions)

    @property
    def calls_for_attention(self) -> bool:
        """Whether any box in it moves or is broken. What is wrong with its source is told in a line."""
        return any(box.condition in ACTIVE | BROKEN for box in self.boxes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitFact:
    """A commit that is shown: the names of the refs that point to it, and what it says.

    :param deployed: a target follows one of its refs; it is shown whatever its state. Others are left out when all of
        it is done.
    """

    hash: str
    refs: Sequence[str]
    title: str = ""
    page: str = ""
    deployed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSeen:
    """A service, as its row has it. `unwell` says what is not as it should be; empty where nothing is known to be."""

    id: int
    name: str
    branch: str
    reason: str = ""
    unwell: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an evaluation does not tell.

    :param commits: in the order in which they are shown.
    :param refs: how many live refs there are.
    :param services: all of the repository that are in use.
    :param waits: why jobs wait, by the job.
    :param releases: pages of releases, by fingerprint.
    """

    commits: Sequence[CommitFact] = ()
    refs: int = 0
    services: Sequence[ServiceSeen] = ()
    waits: Mapping[int, str] = field(default_factory=dict)
    releases: Mapping[str, str] = field(default_factory=dict)


def flow(repository: int, name: str, evaluation: Evaluation, known: Known, *, trouble: str = "") -> Flow:
    """Make a repository's diagram of its evaluation and what is known besides."""
    page = f"/repositories/{repository}/"
    below: dict[str, list[Box]] = {}
    for node in evaluation.graph.nodes.values():
        below.setdefault(node.commit, []).append(_box(node, evaluation, known, page))
    boxes: list[Box] = []
    shown = 0
    for commit in known.commits:
        these = below.get(commit.hash, [])
        if commit.deployed or any(box.condition in ACTIVE | BROKEN for box in these):
            boxes += [_commit(repository, commit, these, page), *these]
            shown += len(commit.refs)
    boxes += _missing(repository, evaluation, known, page)
    here = {box.id for box in boxes}
    edges = _edges(repository, [each for each in evaluation.graph.nodes.values() if each.id in here])
    edges += _missing_edges(repository, boxes, known)
    if known.refs > shown:
        boxes.append(_more(repository, known.refs - shown, page))
    return Flow(repository=repository, name=name, page=page, boxes=boxes, edges=edges, trouble=trouble)


def _commit(repository: int, commit: CommitFact, below: Sequence[Box], page: str) -> Box:
    condition = worst(box.condition for box in below)
    done = sum(box.condition is Condition.DONE for box in below)
    refs = ", ".join(commit.refs)
    said = f"{done} of {len(below)} steps are done" if below else "there is nothing to build"
    return Box(
        id=_commit_id(repository, commit.hash),
        kind=Kind.COMMIT,
        what=f"{refs} at {commit.hash[:10]}{f' “{commit.title}”' if commit.title else ''}",
        label=refs,
        detail=f"{commit.hash[:7]} {commit.title}",
        condition=condition,
        reason="" if condition is Condition.DONE else said,
        commit=commit.hash,
        page=commit.page or page,
    )


def _commit_id(repository: int, hash: str) -> str:
    return f"commit:{repository}:{hash}"


def _box(node: Node, evaluation: Evaluation, known: Known, repository: str) -> Box:
    state = evaluation.states[node.id]
    condition, reason = of_status(state.status), state.reason
    if condition is Condition.WAITING and state.job:
        reason = known.waits.get(state.job) or reason
    job = f"/jobs/{state.job}/" if state.job else ""
    label, detail, own = node.label, condition.words, ""
    match node.kind:
        case NodeKind.CHECK | NodeKind.BUILD:
            label, detail = node.recipe, f"{'check, ' if node.kind is NodeKind.CHECK else ''}{node.platform}"
        case NodeKind.RELEASE:
            label = node.label.removeprefix("release of ")
            if isinstance(node.operation, Publish):
                own = known.releases.get(node.operation.fingerprint, "")
        case NodeKind.SERVICE:
            kind, _, label = node.label.partition(" ")
            own = f"/services/{node.id.removeprefix('service:')}/"
            if condition is Condition.DONE and (unwell := _unwell(node, known)):
                condition, reason, detail = Condition.UNWELL, unwell, Condition.UNWELL.words
            if kind == "canary":
                detail = f"canary, {detail}"
            if node.gates:
                detail = f"{detail}, {len(node.gates)} gate{'s' if len(node.gates) > 1 else ''}"
    return Box(
        id=node.id,
        kind=Kind(node.kind.value),
        what=node.label,
        label=label,
        detail=detail,
        condition=condition,
        reason=reason,
        commit=node.commit,
        job=state.job,
        page=own or job or repository,
        gates=node.gates,
    )


def _unwell(node: Node, known: Known) -> str:
    return next((each.unwell for each in known.services if node.id == f"service:{each.id}"), "")


def _missing(repository: int, evaluation: Evaluation, known: Known, page: str) -> Iterator[Box]:
    """The services that no live ref leads to, each branch that does not exist before its own."""
    absent = [each for each in known.services if f"service:{each.id}" not in evaluation.graph.nodes]
    for branch in dict.fromkeys(each.branch for each in absent):
        yield Box(
            id=_missing_id(repository, branch),
            kind=Kind.COMMIT,
            what=f"branch {branch}",
            label=branch,
            detail="not there yet",
            condition=Condition.BLOCKED,
            reason=f"the repository has no branch {branch} that was seen; push one to deploy",
            commit=_missing_id(repository, branch),
            page=page,
        )
        for each in absent:
            if each.branch == branch:
                yield Box(
                    id=f"service:{each.id}",
                    kind=Kind.SERVICE,
                    what=f"service {each.name}",
                    label=each.name,
                    detail=Condition.BLOCKED.words,
                    condition=Condition.BLOCKED,
                    reason=each.reason or "it was not evaluated yet",
                    commit=_missing_id(repository, branch),
                    page=f"/services/{each.id}/",
                )


def _missing_id(repository: int, branch: str) -> str:
    return f"missing:{repository}:{branch}"


def _missing_edges(repository: int, boxes: Iterable[Box], known: Known) -> Iterator[Edge]:
    missing = {box.id for box in boxes if box.id.startswith("missing:")}
    for each in known.services:
        if (before := _missing_id(repository, each.branch)) in missing:
            yield Edge(before=before, after=f"service:{each.id}", held=True)


def _more(repository: int, count: int, page: str) -> Box:
    refs = "1 other ref" if count == 1 else f"{count} other refs"
    return Box(
        id=f"more:{repository}",
        kind=Kind.MORE,
        what=f"{refs}, of which nothing is on its way or newly broken",
        label=f"+ {refs}",
        page=page,
    )


def _edges(repository: int, nodes: Sequence[Node]) -> list[Edge]:
    """The edges between nodes and from their commits, without those that others imply."""
    edges: list[Edge] = []
    ancestors: dict[str, frozenset[str]] = {}
    for node in nodes:
        before = dict.fromkeys(node.behind, True) | dict.fromkeys(node.after, False)
        if not before and node.kind in (NodeKind.CHECK, NodeKind.BUILD):
            before[_commit_id(repository, node.commit)] = False
        implied = frozenset[str]().union(*(ancestors.get(each, ()) for each in before))
        ancestors[node.id] = implied | before.keys()
        edges += [Edge(before=each, after=node.id, held=held) for each, held in before.items() if each not in implied]
    return edges
