"""Finding words in a log, as people see it: colours and the case of ASCII letters do not count."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.logs.render import LOOK
from core.logs.store import LogStore

#: Bytes that are searched at once.
_PIECE = 1 << 20
_LOOKS = re.compile(LOOK.encode())


def found(store: LogStore, name: str, words: str) -> Iterator[int]:
    """The numbers of the lines (from 0) that have these words, in order. Read no further than is asked for."""
    wanted = words.encode().lower()
    offset = line = 0
    while data := store.read(name, offset, _PIECE):
        # A piece ends with a line, so that no match is cut in two; a line longer than a piece is searched in parts.
        piece = data[: data.rfind(b"\n") + 1] or data
        yield from (line + number for number in _in(piece, wanted))
        line += piece.count(b"\n")
        offset += len(piece)


def _in(piece: bytes, wanted: bytes) -> Iterator[int]:
    if b"\x1b" in piece:
        piece = _LOOKS.sub(b"", piece)
    piece = piece.lower()
    number = counted = 0
    at = piece.find(wanted)
    while at >= 0:
        number += piece.count(b"\n", counted, at)
        yield number
        counted = piece.find(b"\n", at)
        if counted < 0:
            return
        at = piece.find(wanted, counted)
