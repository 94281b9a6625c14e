"""Text from outside inside Markdown: it stays text. Pure."""

from __future__ import annotations

import re
from html import escape

_SPECIAL = re.compile(r"([\\`*_{}\[\]()+!|~])")
_FENCES = re.compile("`+")


def plain(text: str) -> str:
    """A text that reads as it is, on one line, and mentions nobody."""
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", escape(line, quote=False)).replace("@", "@\u200b")


def fenced(text: str) -> str:
    """Lines as they are: the fence is longer than any in them."""
    longest = max((len(run) for run in _FENCES.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip(chr(10))}\n{fence}"
