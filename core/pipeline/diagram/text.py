"""Text in a picture: made harmless, measured without a browser, and cut to fit."""

from __future__ import annotations

import unicodedata
from xml.sax.saxutils import escape as _escape

#: The widths of characters in ems. They are those of a wide common face, so that what is measured to fit does fit in
#: whatever sans-serif a browser has.
_WIDTHS = {
    **dict.fromkeys("ijlI'|", 0.30),
    **dict.fromkeys(' .,:;/!()[]ft-"\\', 0.38),
    **dict.fromkeys("rs_cz", 0.53),
    **dict.fromkeys("ABCDEFGHKNOPQRSTUVXYZw", 0.76),
    **dict.fromkeys("mMW@%", 1.0),
}
_NARROW, _OTHER, _WIDE = 0.64, 0.75, 1.1
_BOLD = 1.1
_CUT = "…"
#: Control characters, those that turn the direction of text or have no width, halves of pairs, and no characters at all.
_UNWANTED = frozenset({"Cc", "Cf", "Cs", "Cn"})


def plain(text: str) -> str:
    """Text from outside in one line, without the characters that are not meant to be seen or that XML has not."""
    return " ".join("".join(each for each in _spaced(text) if unicodedata.category(each) not in _UNWANTED).split())


def _spaced(text: str) -> str:
    return text if text.isprintable() else "".join(" " if each.isspace() else each for each in text)


def escape(text: str) -> str:
    """Text as XML's content and attribute values have it."""
    return _escape(plain(text), {'"': "&quot;", "'": "&#39;"})


def width(text: str, size: float, *, bold: bool = False) -> float:
    """How wide a line is at most, in pixels, at a size of the type in pixels."""
    return sum(map(_em, text)) * size * (_BOLD if bold else 1)


def _em(character: str) -> float:
    if character.isascii():
        return _WIDTHS.get(character, _NARROW)
    if unicodedata.combining(character):
        return 0.0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


def fit(text: str, room: float, size: float, *, bold: bool = False) -> str:
    """The text if it fits into so many pixels, else as much of its beginning as does, with a sign that it was cut."""
    text = plain(text)
    if width(text, size, bold=bold) <= room:
        return text
    left = room - width(_CUT, size, bold=bold)
    kept = 0
    for character in text:
        left -= width(character, size, bold=bold)
        if left < 0:
            break
        kept += 1
    return text[:kept].rstrip() + _CUT
