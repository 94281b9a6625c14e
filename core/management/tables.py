"""Tables on the standard output: drawn for a person at a terminal, one plain line a row elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, cast

from django.core.management.base import OutputWrapper
from rich.console import Console
from rich.table import Table
from rich.text import Text


def write(output: OutputWrapper, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write rows under their columns. Without a terminal: the cells that are not empty, separated by tabs."""
    if not output.isatty():
        for row in rows:
            output.write("\t".join(_on_one_line(cell) for cell in row))
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        # Text is never read as markup, whoever wrote it.
        table.add_row(*(Text(_on_one_line(cell)) for cell in row))
    Console(file=cast(IO[str], output), highlight=False).print(table)


def _on_one_line(text: str) -> str:
    """Without what could begin a line or talk to a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)
