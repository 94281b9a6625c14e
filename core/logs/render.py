"""Logs as text for people. Pure."""

from __future__ import annotations

import re

#: Every escape sequence (ECMA-48) and every other control character but newline and tab.
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def plain(data: bytes) -> str:
    """Text without colours and without anything that a terminal would obey; what is no UTF-8 is replaced."""
    return _ESCAPES.sub("", data.decode(errors="replace"))


def decisive_lines(data: bytes, count: int = 10) -> list[str]:
    """The last lines of a log that say something: what is usually the cause of a failure."""
    lines = [line.rstrip() for line in plain(data).splitlines()]
    return [line[:500] for line in lines if line][-count:]
