"""Log rules, ready to be tried: a regular expression, and a report that is filled in from what it found. Pure.

RE2 carries the expressions out: its time is linear in the length of the log whatever the pattern, and it lets go of
Python's lock meanwhile. A pattern that backtracks for ever (`(x+x+)+y`) in Python's `re` stops a runner; a time limit,
as the package `regex` has, would only hide which rule did. The price: no look-around and no back-references.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from core.errors import ConfigurationError
from core.values import LogRule

#: Characters of a report.
LONGEST_REPORT = 500
#: Instructions of a compiled pattern. RE2's worst case is about 10 ns an instruction and a byte: with this, 20 s a log.
_LARGEST = 1000
#: Bytes that RE2 may keep of what it has worked out for a pattern.
_MEMORY = 1 << 20
#: Bytes at the end of a log that are searched first: nearly every cause is there.
_FIRST_WINDOW = 1 << 14

_REFERENCE = re.compile(r"\\(?:([1-9]\d?)|g<(\w+)>|(\\)|(.?))", re.DOTALL)
_WORDS_OF_RE2 = {
    "invalid perl operator: (?=": "looking ahead (?=…) is not possible",
    "invalid perl operator: (?!": "looking ahead (?!…) is not possible",
    "invalid perl operator: (?<=": "looking behind (?<=…) is not possible",
    "invalid perl operator: (?<!": "looking behind (?<!…) is not possible",
    "invalid perl operator: (?<": "looking behind (?<…) is not possible",
    "pattern too large - compile failed": "it is too large",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Where a rule matched, in bytes, and what it found.

    :param groups: what the pattern and its groups matched, by number; empty for a group that had no part in it.
    """

    start: int
    end: int
    groups: tuple[str, ...]


class Rule:
    """A rule whose pattern and report are understood.

    :raises ConfigurationError: they are not.
    """

    def __init__(self, rule: LogRule) -> None:
        self.name, self.score = rule.name, rule.score
        self._expression = expression(rule.pattern)
        self._names: dict[str, int] = self._expression.groupindex
        self._report = list(parts(rule.report, self._expression.groups, self._names))

    def last(self, text: bytes) -> Found | None:
        """The last match that is not empty. Windows that begin ever earlier are searched, so that there are few before it."""
        size, start = _FIRST_WINDOW, len(text)
        while start:
            start = text.rfind(b"\n", 0, max(0, len(text) - size)) + 1
            last = None
            for match in self._matches(text, start):
                last = match
            if last is not None:
                return self._found(last)
            size *= 4
        return None

    def all(self, text: bytes) -> Iterator[Found]:
        """Every match, the first first."""
        return (self._found(match) for match in self._matches(text, 0))

    def report(self, found: Found) -> str:
        """The cause, in one line of at most 500 characters."""
        words = "".join(part if isinstance(part, str) else found.groups[part] for part in self._report)
        # A group that had no part in a match leaves an empty place, which rules put at the end.
        line = " ".join(words.split()).rstrip(" :,") or self.name
        return line if len(line) <= LONGEST_REPORT else f"{line[: LONGEST_REPORT - 1]}…"

    def named(self, found: Found, name: str) -> str:
        """What a named group matched; empty where there is no such group."""
        number = self._names.get(name)
        return found.groups[number] if number else ""

    def _matches(self, text: bytes, start: int) -> Iterator[Any]:
        return (match for match in self._expression.finditer(text, start) if match.end() > match.start())

    def _found(self, match: Any) -> Found:
        groups = (match.group(), *match.groups(default=b""))
        return Found(match.start(), match.end(), tuple(each.decode(errors="replace") for each in groups))


def expression(pattern: str) -> Any:
    """Compile a pattern.

    :raises ConfigurationError: says what is wrong with it.
    """
    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        # Logs are lines: `^` and `$` are meant for each of them.
        compiled = re2.compile(f"(?m){pattern}", options)
    except UnicodeEncodeError:
        raise ConfigurationError("it has half of a character") from None
    except re2.error as error:
        told = error.args[0] if error.args else b""
        said = (told.decode(errors="replace") if isinstance(told, bytes) else str(told)).replace("(?m)", "", 1)
        raise ConfigurationError(f"it is no regular expression of RE2: {_WORDS_OF_RE2.get(said, said)}") from None
    if max(compiled.programsize, compiled.reverseprogramsize) > _LARGEST:
        raise ConfigurationError("it is too large to be tried on a long log: repeat less with {…}")
    return compiled


def parts(report: str, groups: int, names: dict[str, int]) -> Iterator[str | int]:
    """A report as texts and the numbers of groups.

    :raises ConfigurationError: it names a group that the pattern has not.
    """
    at = 0
    for reference in _REFERENCE.finditer(report):
        yield report[at : reference.start()]
        yield "\\" if reference[3] else _group(reference, groups, names)
        at = reference.end()
    yield report[at:]


def _group(reference: re.Match[str], groups: int, names: dict[str, int]) -> int:
    number, name = reference[1], reference[2]
    if number is None and name is None:
        raise ConfigurationError(
            rf"{reference[0]} means nothing in a report: \1 and \g<name> are filled in, \\ is a backslash"
        )
    found = names.get(name) if name and not name.isdigit() else int(number or name)
    if found is None or found > groups:
        known = ", ".join([*(f"\\{each}" for each in range(1, groups + 1)), *(f"\\g<{each}>" for each in names)])
        raise ConfigurationError(f"{reference[0]} is no group of the pattern; there are: {known or 'none'}")
    return found


def understood(rules: Sequence[LogRule]) -> tuple[list[Rule], list[str]]:
    """The rules that can be tried, and what is wrong with the others, one sentence each."""
    good, bad = [], []
    for rule in rules:
        try:
            good.append(Rule(rule))
        except ConfigurationError as error:
            bad.append(f"{rule.name}: {error}")
    return good, bad
