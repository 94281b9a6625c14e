"""What changed between two releases of a target: the recorded steps from one to the next, joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from core.models import Release, ReleaseChanges

#: Steps that are joined at most, and commits that are told.
_STEPS, _COMMITS = 500, 250


@dataclass(frozen=True, slots=True)
class ChangedCommit:
    """A commit that came with a release. `at`: when it was committed, where that is known."""

    hash: str
    title: str
    author: str
    at: datetime | None

    @property
    def short(self) -> str:
        return self.hash[:10]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one release has that another has not.

    :param older: the earlier of the two, `newer` the later one, whichever way round they were asked for.
    :param backward: they were asked for from the later to the earlier one: the commits are taken back.
    :param complete: every commit between them is there.
    :param gaps: why it is not, or what else is to be known; one sentence each.
    """

    older: Release
    newer: Release
    backward: bool
    commits: Sequence[ChangedCommit]
    complete: bool
    gaps: Sequence[str]


def of_release(release: Release) -> Comparison | None:
    """What came with a release since the one before it of its target; None for the first."""
    row = ReleaseChanges.objects.filter(release=release).select_related("previous__commit").first()
    return compare(row.previous, release) if row else None


def compare(start: Release, end: Release) -> Comparison:
    """What changed from one release of a target to another. Expects both with their commits. At most two queries."""
    backward = start.pk > end.pk
    older, newer = (end, start) if backward else (start, end)
    if older.commit_id == newer.commit_id:
        return Comparison(older, newer, backward, (), complete=True, gaps=())
    steps, whole = _steps(older, newer)
    commits = {each.hash: each for row in steps for each in _commits(row)}
    gaps = list(_gaps(steps, whole))
    found = list(commits.values())
    if len(found) > _COMMITS:
        gaps.append(f"only the newest {_COMMITS} commits are shown")
    complete = whole and all(row.known and row.forward and not row.cut for row in steps) and len(found) <= _COMMITS
    return Comparison(older, newer, backward, found[:_COMMITS], complete=complete, gaps=gaps)


def _steps(older: Release, newer: Release) -> tuple[list[ReleaseChanges], bool]:
    """The recorded steps from the newer release back to the older one, and whether they lead there."""
    rows = ReleaseChanges.objects.filter(release__target=newer.target_id, release__gt=older.pk, release__lte=newer.pk)
    by_release = {row.release_id: row for row in rows.order_by("-release")[:_STEPS]}
    steps: list[ReleaseChanges] = []
    at = newer.pk
    while at > older.pk and at in by_release:
        steps.append(by_release[at])
        at = by_release[at].previous_id
    return steps, at == older.pk


def _commits(row: ReleaseChanges) -> Iterator[ChangedCommit]:
    for each in row.commits:
        at = datetime.fromisoformat(each["at"]) if each["at"] else None
        yield ChangedCommit(each["hash"], each["title"], each["author"], at)


def _gaps(steps: Sequence[ReleaseChanges], whole: bool) -> Iterator[str]:
    if not whole:
        yield "releases lie between them of which it was not written down what came with them"
    for row in steps:
        if not row.known and row.next_attempt_at is not None:
            yield f"its source is being asked{f', again: {row.error}' if row.error else ''}"
        elif not row.known:
            yield row.error or "its source cannot tell what changed"
    if any(not row.forward for row in steps):
        yield "the branch was rewritten or went back between them: commits were left out as well"
    if any(row.cut for row in steps):
        yield "there are more commits than were written down"
