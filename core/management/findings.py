"""How commands print what a check of the configuration found: a mark, one sentence, and what to do."""

from __future__ import annotations

import textwrap
from typing import Any

from django.core.management.base import OutputWrapper
from django.utils.termcolors import colorize

from core.values import Finding

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}
#: Columns that are there on every terminal.
_WIDTH = 80


def write(output: OutputWrapper, finding: Finding, *, colours: bool, indent: str = "") -> None:
    """Print a finding, wrapped at 80 columns."""
    mark, colour = _MARKS[finding.level]
    shown = colorize(mark, fg=colour) if colours else mark
    [first, *rest] = _wrapped(finding.text, f"{indent}  ") or [indent]
    output.write(f"{indent}{shown} {first.strip()}")
    for line in [*rest, *_wrapped(finding.remedy, f"{indent}    ")]:
        output.write(line)


def counted(findings: list[Finding]) -> tuple[int, int]:
    """How many errors and how many warnings there are."""
    levels: Any = [finding.level for finding in findings]
    return levels.count("error"), levels.count("warning")


def _wrapped(text: str, indent: str) -> list[str]:
    # A path or an address is not broken: people copy it.
    return textwrap.wrap(
        _printable(text),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """What others wrote cannot move the cursor or colour the terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
