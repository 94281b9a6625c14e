"""Lines of text from outside, as plain text and as the HTML of Matrix.

Whatever a commit's message says, it stays text: it is escaped, it cannot begin a line of its own, and it cannot turn the
direction of what stands around it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

#: Unicode's marks that turn the direction of writing until something ends them.
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
#: Bytes of an address that is made a link. A message with its edit has to stay below 65,536 bytes.
_LONGEST_ADDRESS = 500


@dataclass(frozen=True)
class Piece:
    """Some words of a line.

    :ivar url: where they lead to; an address that is none of the web is left out.
    :ivar tag: how they are set in HTML: `strong`, `em` or nothing.
    """

    text: str
    url: str = ""
    tag: str = ""


Line = Sequence[Piece]


def piece(text: str, limit: int, *, url: str = "", tag: str = "") -> Piece:
    """Words from outside, made one line of at most `limit` characters."""
    words = " ".join(_visible(text).split())
    cut = words if len(words) <= limit else f"{words[: limit - 1]}…"
    return Piece(cut, url if _is_of_the_web(url) else "", tag)


def plain(lines: Sequence[Line]) -> str:
    """The lines for clients that show no HTML, and for notifications."""
    return "\n".join("".join(f"{each.text} ({each.url})" if each.url else each.text for each in line) for line in lines)


def html(lines: Sequence[Line]) -> str:
    """The lines as HTML, of tags that every client shows."""
    return "<br>".join("".join(_set(each) for each in line) for line in lines)


def _set(piece: Piece) -> str:
    text = escape(piece.text)
    if piece.url:
        text = f'<a href="{escape(piece.url)}">{text}</a>'
    return f"<{piece.tag}>{text}</{piece.tag}>" if piece.tag else text


def _visible(text: str) -> str:
    kept = _TURNS.sub("", text)
    # A lone surrogate, which JSON can bring in, cannot be sent.
    return "".join(
        " " if (kind := unicodedata.category(each)) == "Cc" else "\ufffd" if kind == "Cs" else each for each in kept
    )


def _is_of_the_web(url: str) -> bool:
    if len(url) > _LONGEST_ADDRESS or re.search(r"[^!-~]", url):
        return False
    try:
        return urlsplit(url).scheme in ("https", "http")
    except ValueError:
        return False
