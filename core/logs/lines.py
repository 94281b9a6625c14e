"""Any part of a log by its line numbers, however long the log is: what the virtualised view shows and a link names.

A line ends with a newline; what stands after the last one is a line as well. Lines are numbered from 0 here and from 1
where people see them.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from core.logs.packed import BLOCK
from core.logs.store import LogStore

#: Bytes that are counted at once.
_PIECE = 16 * BLOCK
#: Bytes of a line that are handed out; the whole of it is in the raw log.
LONGEST = 16_000
#: Bytes of lines that are handed out at once.
MOST = 1 << 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a log, without its newline.

    :param number: from 0.
    :param offset: of its first byte in the log.
    :param cut: whether `data` is its beginning only.
    """

    number: int
    offset: int
    data: bytes
    cut: bool = False


class Index:
    """Knows at which line each block of a log begins, and reads no more than what was added since it was last asked."""

    def __init__(self, store: LogStore, name: str) -> None:
        self._store = store
        self._name = name
        # A packed log tells it, and has not to be read.
        self._before = array("Q", accumulate(store.newlines(name), initial=0))
        self._lock = threading.Lock()

    def total(self) -> tuple[int, int]:
        """How many lines there are, the begun one too, and where the last newline's successor is, in bytes."""
        with self._lock:
            tail = self._extend()
        ended = tail.rfind(b"\n") + 1
        start = (len(self._before) - 1) * BLOCK
        count = self._before[-1] + tail.count(b"\n")
        if ended < len(tail):
            return count + 1, start + ended if ended else self._start_of(count)
        return count, start + len(tail)

    def offset(self, line: int) -> int:
        """Where a line begins; of a line that does not exist, the end of the log."""
        with self._lock:
            self._extend()
        return self._start_of(line)

    def line(self, offset: int) -> int:
        """The number of the line that has this byte."""
        with self._lock:
            self._extend()
        block = min(offset // BLOCK, len(self._before) - 1)
        start = block * BLOCK
        return self._before[block] + self._store.read(self._name, start, max(0, offset - start)).count(b"\n")

    def _extend(self) -> bytes:
        """Count the blocks that are whole, and answer what is there of the next."""
        while True:
            data = self._store.read(self._name, (len(self._before) - 1) * BLOCK, _PIECE)
            whole = len(data) // BLOCK * BLOCK
            for start in range(0, whole, BLOCK):
                self._before.append(self._before[-1] + data.count(b"\n", start, start + BLOCK))
            if len(data) < _PIECE:
                return data[whole:]

    def _start_of(self, line: int) -> int:
        if line <= 0:
            return 0
        block = bisect_left(self._before, line) - 1
        start = block * BLOCK
        data = self._store.read(self._name, start, BLOCK)
        parts = data.split(b"\n", line - self._before[block])
        if len(parts) <= line - self._before[block]:
            return self._store.size(self._name)
        return start + len(data) - len(parts[-1])


def index(store: LogStore, name: str) -> Index:
    """The index of a log, kept while it is asked for."""
    return _index(store, name)


@lru_cache(maxsize=64)
def _index(store: LogStore, name: str) -> Index:
    return Index(store, name)


def lines(store: LogStore, name: str, first: int, count: int) -> Iterator[Line]:
    """Lines of a log from one on: `count` of them, fewer at its end or where they are long (`MOST`)."""
    places = index(store, name)
    offset, number, handed_out = places.offset(first), max(0, first), 0
    while number < first + count and handed_out < MOST:
        data = store.read(name, offset, MOST)
        if not data:
            return
        *whole, rest = data.split(b"\n")
        for each in whole[: first + count - number]:
            yield Line(number, offset, each[:LONGEST], len(each) > LONGEST)
            number, offset, handed_out = number + 1, offset + len(each) + 1, handed_out + min(len(each), LONGEST)
            if handed_out >= MOST:
                return
        if number >= first + count:
            return
        if not whole or len(data) < MOST:
            if rest:
                yield Line(number, offset, rest[:LONGEST], len(rest) > LONGEST)
            number, offset = number + 1, places.offset(number + 1)


def written_at(store: LogStore, name: str, offsets: list[int]) -> list[int | None]:
    """When what is at each offset was written, in milliseconds since 1970; None where nobody noted it."""
    moments = store.times(name)
    starts = [moment.offset for moment in moments]
    found = [bisect_right(starts, offset) - 1 for offset in offsets]
    return [int(moments[place].at.timestamp() * 1000) if place >= 0 else None for place in found]
