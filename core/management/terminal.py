"""What the commands print: rich on a terminal, and little elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from core.engine.progress import Line

_MARKS = {
    "start": ("·", "dim"),
    "good": ("✓", "green"),
    "bad": ("✗", "bold red"),
    "wait": ("…", "yellow"),
    "note": ("-", "dim"),
}


class Terminal:
    """Prints lines. What others wrote (branch names, error texts) is never read as markup."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)

    def tell(self, line: Line) -> None:
        """Print something that happened; where nobody watches, only what is important."""
        if line.important or self._console.is_terminal:
            mark, style = _MARKS[line.mark]
            text = Text.assemble((f"{mark} ", style), (line.text, style if line.mark == "bad" else ""))
            self._console.print(text, soft_wrap=True)

    def say(self, text: str, style: str = "") -> None:
        """Print a line whoever watches."""
        self._console.print(Text(text, style=style), soft_wrap=True)
