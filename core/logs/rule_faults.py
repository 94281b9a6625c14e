"""What is wrong with a log rule, in sentences for who wrote it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from core.errors import ConfigurationError
from core.logs.diagnosis import Text
from core.logs.rules import LONGEST_REPORT, Rule, expression, parts
from core.values import LogRule

HIGHEST_SCORE = 100
#: Characters.
_LONGEST = {"name": 100, "pattern": 2000, "report": LONGEST_REPORT, "example": 10_000}


def faults(rule: LogRule) -> list[tuple[str, str]]:
    """What is wrong with a rule: pairs of a field and a sentence."""
    return list(_plain(rule)) or list(_of_meaning(rule))


def _plain(rule: LogRule) -> Iterator[tuple[str, str]]:
    for field, limit in _LONGEST.items():
        value = getattr(rule, field)
        if len(value) > limit:
            yield field, f"It is longer than {limit:,} characters."
        if field != "example" and not value.strip():
            yield field, "It is empty."
        if field != "example" and not value.isprintable():
            yield (
                field,
                "It has to be one line without control characters"
                + (r": write \n for the end of a line." if field == "pattern" else "."),
            )
    if "\0" in rule.example:
        yield "example", "It has a NUL character, which cannot be kept."
    if not 0 <= rule.score <= HIGHEST_SCORE:
        yield "score", f"A score is a number from 0 to {HIGHEST_SCORE}."


def _of_meaning(rule: LogRule) -> Iterator[tuple[str, str]]:
    try:
        compiled = expression(rule.pattern)
    except ConfigurationError as error:
        yield "pattern", _sentence(error)
        return
    if any(match.end() == match.start() for text in (b"", b"a b") for match in compiled.finditer(text)):
        yield "pattern", "It matches the empty string, and so every log."
    if len({"file", "line"} & compiled.groupindex.keys()) == 1:
        yield "pattern", "Groups named `file` and `line` tell a place together: one of them is missing."
    try:
        list(parts(rule.report, compiled.groups, compiled.groupindex))
    except ConfigurationError as error:
        yield "report", _sentence(error)
        return
    if rule.example.strip() and Rule(rule).last(Text(rule.example.encode(errors="replace")).bare) is None:
        yield "example", "The pattern is not found in it."


def _sentence(error: Exception) -> str:
    words = str(error)
    return f"{words[0].upper()}{words[1:]}."
