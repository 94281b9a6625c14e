"""Whether a commit could be deployed, for its source: the worst of its builds, in a table of recipes and platforms. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.pipeline.evaluate import Evaluation, NodeState, Status
from core.pipeline.graph import Node, NodeKind
from core.pipeline.markdown import fenced, plain
from core.values import Annotation, CommitStatus

#: The name of the check that a commit's source shows.
CHECK = "deployability"
#: Characters that GitHub allows in a title of a status (140), and that it and others allow in a text (65,535).
_TITLE, _TEXT = 140, 60_000

_RANK = (Status.FAILED, Status.CANCELLED, Status.RUNNING, Status.WAITING, Status.READY, Status.BLOCKED, Status.DONE)

_STATES = {
    Status.FAILED: "failure",
    Status.CANCELLED: "failure",
    Status.RUNNING: "running",
    Status.WAITING: "queued",
    Status.READY: "queued",
    Status.BLOCKED: "queued",
    Status.DONE: "success",
}
_MARKS = {
    Status.FAILED: "❌",
    Status.CANCELLED: "🚫",
    Status.RUNNING: "🏃",
    Status.WAITING: "⏳",
    Status.READY: "⏳",
    Status.BLOCKED: "⏳",
    Status.DONE: "✅",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFact:
    """What is to be told of a job.

    :param url: its page.
    :param reason: why it waits, or how it ended; empty where the evaluation knows better.
    :param cause: the probable cause of its failure.
    :param excerpt: the decisive lines of its log.
    """

    url: str = ""
    reason: str = ""
    cause: str = ""
    excerpt: str = ""
    places: Sequence[Annotation] = ()
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    node: Node
    state: NodeState
    job: JobFact

    @property
    def why(self) -> str:
        return self.job.cause or self.job.reason or self.state.reason


def deployability(evaluation: Evaluation, commit: str, jobs: Mapping[int, JobFact], page: str) -> CommitStatus:
    """Sum a commit's builds up.

    :param jobs: what is known of the jobs that the evaluation names, by their keys.
    :param page: where people find the repository.
    """
    rows = [
        _Row(node, state, jobs.get(state.job or 0, JobFact()))
        for node, state in ((node, evaluation.states[id]) for id, node in evaluation.graph.nodes.items())
        if node.commit == commit and node.kind in (NodeKind.CHECK, NodeKind.BUILD)
    ]
    if not rows:
        return CommitStatus(context=CHECK, state="neutral", title="There is nothing to build", url=page)
    worst = min(rows, key=lambda row: _RANK.index(row.state.status))
    state = _STATES[worst.state.status]
    over = state in ("success", "failure")
    failed = [row for row in rows if _STATES[row.state.status] == "failure"]
    return CommitStatus(
        context=CHECK,
        state=state,
        title=_cut(_title(rows, worst), _TITLE),
        summary=_cut(_summary(rows), _TEXT),
        text=_cut("\n\n".join(_failure(row) for row in failed), _TEXT),
        url=worst.job.url or page,
        annotations=tuple(place for row in failed for place in row.job.places),
        actions=("rebuild",) if over else ("cancel",),
        started_at=min(filter(None, (row.job.started_at for row in rows)), default=None),
        finished_at=max(filter(None, (row.job.finished_at for row in rows)), default=None) if over else None,
    )


def _title(rows: Sequence[_Row], worst: _Row) -> str:
    if worst.state.status is Status.DONE:
        return "It can be deployed"
    if worst.state.status is Status.RUNNING:
        return f"{sum(row.state.status is Status.DONE for row in rows)} of {len(rows)} builds are done"
    return f"{worst.node.label}: {worst.why}"


def _summary(rows: Sequence[_Row]) -> str:
    platforms = list(dict.fromkeys(row.node.platform for row in rows))
    # Where several targets follow one branch, a recipe is built for each: the worst of them is shown.
    best_first = sorted(rows, key=lambda row: _RANK.index(row.state.status), reverse=True)
    cells = {(row.node.recipe, row.node.platform): _cell(row) for row in best_first}
    table = [
        _line("recipe", *platforms),
        _line(*("---" for _ in ["recipe", *platforms])),
        *(
            _line(plain(recipe), *(cells.get((recipe, platform), "") for platform in platforms))
            for recipe in dict.fromkeys(row.node.recipe for row in rows)
        ),
    ]
    return "\n".join([*table, *_reasons(rows)])


def _line(*words: str) -> str:
    return f"| {' | '.join(words)} |"


def _cell(row: _Row) -> str:
    said = f"{_MARKS[row.state.status]} {row.state.status}"
    return f"[{said}]({row.job.url})" if row.job.url else said


def _reasons(rows: Sequence[_Row]) -> Iterator[str]:
    """Why each is not done, where somebody might ask."""
    told = [row for row in rows if row.state.status not in (Status.DONE, Status.RUNNING) and row.why]
    if told:
        yield ""
    for row in told:
        yield f"- {plain(row.node.label)}: {plain(row.why)}"


def _failure(row: _Row) -> str:
    parts = [f"### {plain(row.node.label)}", plain(row.why)]
    if row.job.excerpt:
        parts.append(fenced(row.job.excerpt))
    if row.job.url:
        parts.append(f"[The whole log]({row.job.url})")
    return "\n\n".join(parts)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
