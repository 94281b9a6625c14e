"""Naming the probable cause of a failure from the end of a log. Pure."""

from __future__ import annotations

import re
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, islice

from core.logs.render import NOTE, decisive_lines, plain
from core.logs.rules import Found, Rule
from core.values import Annotation

#: Bytes at the end of a log that rules are tried on, and characters of a line that they see.
WINDOW, _LONGEST_LINE = 2 << 20, 4096
#: Seconds after which no further rule is tried.
PATIENCE = 10.0
#: An excerpt: lines and characters at most, characters of a line, and lines around what was found.
_LINES, _CHARACTERS, _WIDTH, _BEFORE, _AFTER = 40, 4000, 500, 8, 12
#: Lines at the end of a log that no rule knows.
_LAST = 20
#: Places that are told of one failure, and matches that are looked at for them.
_PLACES, _MATCHES = 10, 1000
_LONGEST_PATH = 300

#: What stands before the words of a line: the time of a note; the step and the seconds of BuildKit.
_PREFIX = re.compile(rf"{NOTE.pattern}|(?:#\d+ )?(?:\d+\.\d+(?: |$))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What a log says of a failure.

    :param rule: the name of the rule that knew it; empty where none did.
    :param cause: one sentence of at most 500 characters; empty likewise.
    :param excerpt: the decisive lines, plain text of at most 4,000 characters.
    :param places: where in the repository it is, as far as the log tells.
    """

    rule: str = ""
    cause: str = ""
    excerpt: str = ""
    places: tuple[Annotation, ...] = ()


class Text:
    """The end of a log as rules see it: plain, without times, no line longer than 4,096 characters.

    :param data: at most `WINDOW` bytes.
    :param cut: something stands before them in the log, so that the first line is not whole.
    """

    def __init__(self, data: bytes, *, cut: bool = False) -> None:
        if cut:
            data = data.partition(b"\n")[2] or data
        self.lines = [line[:_LONGEST_LINE].rstrip() for line in plain(data).split("\n")]
        bare = [_PREFIX.sub("", line, count=1).encode() for line in self.lines]
        self.bare = b"\n".join(bare)
        self._starts = list(accumulate((len(line) + 1 for line in bare[:-1]), initial=0))

    def line_of(self, offset: int) -> int:
        """The number of the line, from 0, that a byte of `bare` is on."""
        return bisect_right(self._starts, offset) - 1


def diagnose(rules: Iterable[Rule], data: bytes, *, cut: bool = False, patience: float = PATIENCE) -> Diagnosis:
    """Find the best rule: the one with the highest score that matches, of several the one that matches last.

    :param data: the end of a log, at most `WINDOW` bytes.
    :param cut: something stands before it in the log.
    :param patience: seconds after which no further rule is tried.
    """
    text = Text(data, cut=cut)
    best = _best(rules, text, time.monotonic() + patience)
    if best is None:
        return Diagnosis(excerpt=_shortened(decisive_lines(data[-(1 << 16) :], _LAST)))
    rule, found = best
    return Diagnosis(
        rule=rule.name,
        cause=rule.report(found),
        excerpt=excerpt(text, found),
        places=tuple(islice(_places(rule, text), _PLACES)),
    )


def _best(rules: Iterable[Rule], text: Text, deadline: float) -> tuple[Rule, Found] | None:
    by_score = sorted(rules, key=lambda rule: (-rule.score, rule.name))
    for _, equals in groupby(by_score, key=lambda rule: rule.score):
        found = [(rule, match) for rule in equals if (match := _last(rule, text, deadline))]
        if found:
            return max(found, key=lambda each: each[1].start)
    return None


def _last(rule: Rule, text: Text, deadline: float) -> Found | None:
    return rule.last(text.bare) if time.monotonic() < deadline else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one rule says of a log.

    :param line: the number of the first line that it matched, from 1; 0 where the beginning of the log was not read.
    :param words: that line.
    """

    line: int
    words: str
    cause: str
    places: tuple[Annotation, ...]


def try_out(rule: Rule, data: bytes, *, cut: bool = False) -> Trial | None:
    """Try one rule on the end of a log; None where it does not match."""
    text = Text(data, cut=cut)
    found = rule.last(text.bare)
    if found is None:
        return None
    number = text.line_of(found.start)
    places = tuple(islice(_places(rule, text), _PLACES))
    words = text.lines[number][:_WIDTH]
    return Trial(line=0 if cut else number + 1, words=words, cause=rule.report(found), places=places)


# Excerpts


def excerpt(text: Text, found: Found) -> str:
    """What was found, with some lines around it."""
    first, last = text.line_of(found.start), text.line_of(max(found.start, found.end - 1))
    last = min(last, first + _LINES - 1)
    room = _LINES - (last - first + 1)
    before = min(_BEFORE, room, first)
    end = min(last + 1 + min(_AFTER, room - before), _end(text, last))
    return _around([line[:_WIDTH] for line in text.lines[first - before : end]], before, last - first + 1)


def _end(text: Text, last: int) -> int:
    """Where a log ends for its readers: the deployer's own last words are told in another place."""
    end = len(text.lines)
    while end > last + 1 and not text.lines[end - 1]:
        end -= 1
    return end - 1 if end > last + 1 and NOTE.match(text.lines[end - 1]) else end


def _around(lines: list[str], first: int, count: int) -> str:
    """Take lines away, those that are farthest from the decisive ones first, until the rest is short enough."""
    before, after = first, len(lines) - first - count
    while len("\n".join(lines)) > _CHARACTERS and (before or after):
        lines.pop(0 if before >= after else -1)
        before, after = (before - 1, after) if before >= after else (before, after - 1)
    return "\n".join(lines).strip("\n")[:_CHARACTERS]


def _shortened(lines: Sequence[str]) -> str:
    """The last of some lines, as many as are short enough."""
    lengths = list(accumulate(len(line) + 1 for line in reversed(lines)))
    return "\n".join(lines[len(lines) - bisect_right(lengths, _CHARACTERS) :])


# Places


def _places(rule: Rule, text: Text) -> Iterator[Annotation]:
    seen = set()
    for found in islice(rule.all(text.bare), _MATCHES):
        path, line = _path(rule.named(found, "file")), _line(rule.named(found, "line"))
        if path and line and (path, line) not in seen:
            seen.add((path, line))
            yield Annotation(path=path, line=line, message=rule.report(found))


def _path(text: str) -> str:
    """A path inside the repository, or nothing: a log may say anything."""
    path = text.removeprefix("./")
    parts = path.split("/")
    harmless = path.isprintable() and len(path) <= _LONGEST_PATH and not set(path) & set('\\:"<>|*?')
    return path if harmless and not {"", ".", "..", "~"} & set(parts) else ""


def _line(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
