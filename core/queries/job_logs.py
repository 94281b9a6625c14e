"""A job's log, read for pages and the API: a part of it, its lines, its steps, what is found in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise

from core.errors import OperationError
from core.logs import lines, places, search, steps
from core.logs.render import plain
from core.models import Job

#: Lines in which words were found that are told at once.
MOST_FOUND = 1000
#: Characters of a line that is shown as an excerpt.
_EXCERPT = 300


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a log, and what is needed to go on from there.

    :param first: the number of the first of them, from 0.
    :param lines: their text as it was written, colours included.
    :param at: when each was written, in milliseconds since 1970; null where nobody noted it.
    :param cut: the numbers of those that are longer than what is given.
    :param total: lines of the whole log, the begun one included.
    :param resume_line: the line that what is written from now on belongs to.
    :param resume_offset: where that line begins, in bytes: from there on the log is to be followed.
    :param complete: nothing will be added.
    """

    first: int
    lines: list[str]
    at: list[int | None]
    cut: list[int]
    total: int
    resume_line: int
    resume_offset: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a log: its first line's number (from 0), its title, and how long it took in seconds, where known."""

    line: int
    title: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Found:
    """The numbers of lines (from 0) that have the words; `more` if there are more than are told."""

    lines: list[int]
    more: bool


def absence(job: Job) -> str:
    """Why a job's log cannot be read, in one sentence; empty where it can, or where there is none yet."""
    if job.log_removed_at:
        return f"Its log was removed on {job.log_removed_at:%Y-%m-%d} by {job.log_removed_by}."
    store = places.store()
    try:
        if job.is_active or not job.started_at or store.exists(job.log):
            return ""
    except OperationError as error:
        return f"Its log cannot be read now: {error}."
    return f"Its log is missing: it should be {store.where(job.log)}, and is not there."


class JobLog:
    """The log of one job, which need not have begun."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._store = places.store()

    @property
    def size(self) -> int:
        """Its length in bytes."""
        return self._store.size(self._job.log) if self._job.log else 0

    def part(self, offset: int, limit: int) -> tuple[bytes, bool]:
        """Bytes from an offset on, and whether they are the last that there will ever be."""
        # Asked before the size: a log that grows meanwhile is not called complete.
        over = not self._job.is_active
        data = self._store.read(self._job.log, offset, limit) if self._job.log else b""
        return data, over and offset + len(data) >= self.size

    def lines(self, first: int, count: int) -> Lines:
        """Lines from one on.

        :param first: from 0; a negative number counts from the end: -200 are the last 200.
        """
        over, name = not self._job.is_active, self._job.log
        if not name:
            return Lines(0, [], [], [], 0, 0, 0, over)
        total, resume = lines.index(self._store, name).total()
        resume_line = lines.index(self._store, name).line(resume)
        start = max(0, total + first) if first < 0 else first
        found = list(lines.lines(self._store, name, start, min(count, max(0, total - start))))
        return Lines(
            first=start,
            lines=[line.data.decode(errors="replace") for line in found],
            at=lines.written_at(self._store, name, [line.offset for line in found]),
            cut=[line.number for line in found if line.cut],
            total=total,
            resume_line=resume_line,
            resume_offset=resume,
            complete=over,
        )

    def steps(self) -> list[Step]:
        """Its steps in order. The last of a finished log took until the log's end."""
        if not self._job.log:
            return []
        rows = steps.steps(self._store, self._job.log)
        begun = lines.written_at(self._store, self._job.log, [row.offset for row in rows])
        end = self._job.finished_at
        moments = [*begun, int(end.timestamp() * 1000) if end else None]
        lengths = [(b - a) / 1000 if a is not None and b is not None and b >= a else None for a, b in pairwise(moments)]
        return [Step(row.line, row.title, seconds) for row, seconds in zip(rows, lengths, strict=True)]

    def found(self, words: str) -> Found:
        """Where it has these words."""
        if not words or not self._job.log:
            return Found([], more=False)
        numbers = list(islice(search.found(self._store, self._job.log, words), MOST_FOUND + 1))
        return Found(numbers[:MOST_FOUND], more=len(numbers) > MOST_FOUND)

    def excerpts(self, words: str, most: int) -> list[tuple[int, str]]:
        """The first lines that have these words: their numbers and texts, without colours, on one line each."""
        numbers = list(islice(search.found(self._store, self._job.log, words), most))
        found = [next(lines.lines(self._store, self._job.log, number, 1)) for number in numbers]
        return [(line.number, plain(line.data).strip()[:_EXCERPT]) for line in found]
