"""Where the steps of a log begin: what its view folds, and what tells at a glance how long each took.

A step is what a line announces: a command that the deployer ran (`$ docker build …`), a stage of a Dockerfile as the
classic builder (`Step 3/9 : RUN make`) and BuildKit (`#7 [build 3/9] RUN make`) print it, OBuilder's operations
(`/src: (run (shell make))`), and what scripts mark to be folded (`::group::Tests`, `section_start:1700000000:tests`).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import lru_cache

from core.logs.store import LogStore

#: Steps of one log that are told; a log with more repeats itself.
MOST = 2000
#: Bytes of a log that are looked at at once, and of a title that are kept.
_PIECE, _LONGEST = 1 << 20, 200
#: What a step's line can begin with; only such lines are held against the expression.
_BEGINNINGS = (b"Step ", b"#", b"/", b"20", b"::group::", b"section_start:")
#: What is in every piece that has such a line: most pieces have none of them.
_MARKS = (b"Step ", b"#", b" $ ", b": (", b"::group::", b"section_start:")
_STEP = re.compile(
    r"(?:Step \d+/\d+ : (?P<classic>.+)"
    r"|#\d+ (?P<buildkit>\[.*\d+/\d+\] .+)"
    r"|(?P<obuilder>/[^:\s]*: \((?:run|copy|workdir|env|user|shell|from)\b.*)"
    r"|::group::(?P<group>.+)"
    r"|section_start:\d+:[\w.-]+(?:\[[^\]]*\])?\r?(?:\x1b\[0K)?(?P<section>.+)"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \$ (?P<command>.+))"
)

_LOOKS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a log.

    :param line: its first line's number, from 0.
    :param offset: of that line, in bytes.
    """

    line: int
    offset: int
    title: str


def title(line: bytes) -> str | None:
    """What step a line announces."""
    if not line.startswith(_BEGINNINGS):
        return None
    match = _STEP.match(line[:1000].decode(errors="replace"))
    return _LOOKS.sub("", next(filter(None, match.groups())))[:_LONGEST] if match else None


class Outline:
    """The steps of one log; reads no more than what was added since it was last asked."""

    def __init__(self, store: LogStore, name: str) -> None:
        self._store = store
        self._name = name
        self._steps: list[Step] = []
        self._line = self._offset = 0
        self._seen: set[str] = set()
        self._lock = threading.Lock()

    def steps(self) -> list[Step]:
        """The steps that there are, in order. BuildKit announces one again when it goes on: the first time counts."""
        with self._lock:
            while data := self._store.read(self._name, self._offset, _PIECE):
                whole = data.rfind(b"\n") + 1
                if not whole and len(data) < _PIECE:
                    break
                # Of a line longer than a piece, each part counts as none of its own: it announces nothing.
                self._look(data[: whole or len(data)])
            return list(self._steps)

    def _look(self, data: bytes) -> None:
        if len(self._steps) < MOST and any(mark in data for mark in _MARKS):
            start = self._offset
            for number, row in enumerate(data.split(b"\n")[:-1]):
                if (said := title(row)) and not (row.startswith(b"#") and said in self._seen):
                    self._seen.add(said)
                    self._steps.append(Step(self._line + number, start, said))
                start += len(row) + 1
        self._line += data.count(b"\n")
        self._offset += len(data)


def steps(store: LogStore, name: str) -> list[Step]:
    """The steps of a log that there are, in order. What was found is kept while it is asked for."""
    return _outline(store, name).steps()


@lru_cache(maxsize=64)
def _outline(store: LogStore, name: str) -> Outline:
    return Outline(store, name)
