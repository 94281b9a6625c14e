"""Packed logs: Zstandard in frames that can be read one by one, with a table of them at the end.

The format is the seekable one of the Zstandard project (contrib/seekable_format/zstd_seekable_compression_format.md,
version 0.1.0), so that `zstd -d` unpacks a log and whoever knows the format reads parts of it:

    frames           each of 256 KiB of the log, with its checksum
    skippable frame  0x184D2A50: the records of `core.logs.times`, packed
    skippable frame  0x184D2A51: how many newlines each whole 64 KiB of the log has, 32 bits each, little-endian, packed
    seek table       0x184D2A5E: the length of each of those, packed and unpacked (0 of a skippable one), and their number

Pure but for the files that it is given.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import IO, Generic, TypeVar

import zstandard

#: Bytes of a log in one frame: what is unpacked to read any of them.
FRAME = 1 << 18
#: Bytes between two places whose line number is kept (`core.logs.lines`): 25 KiB of numbers for a log of 200 MB.
BLOCK = 1 << 16
LEVEL = 3
_TIMES, _NEWLINES, _TABLE = 0x184D2A50, 0x184D2A51, 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_HEADER, _ENTRY, _FOOTER = struct.Struct("<II"), struct.Struct("<II"), struct.Struct("<IBI")
_CHECKSUM_FLAG, _RESERVED = 0x80, 0x7C
#: Bytes at the end that are read at first: the footer, and the table of a log of up to about 250 MB.
_END = 1 << 13
#: Frames, and tables, that are kept for whoever reads on: 16 MB, and some KB each.
_FRAMES_KEPT, _TABLES_KEPT = 64, 256

_Value = TypeVar("_Value")
#: Reads so many bytes at an offset of a packed log.
ReadAt = Callable[[int, int], bytes]


class DamagedError(Exception):
    """What should be a packed log is none, or not a whole one."""


def pack(source: IO[bytes], target: IO[bytes], times: bytes = b"") -> int:
    """Pack a log; answer how many bytes of it there were.

    :param times: the records of when its parts were written.
    """
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True)
    entries: list[tuple[int, int]] = []
    newlines = array("I")
    size = 0
    while data := _whole(source, FRAME):
        entries.append((target.write(packer.compress(data)), len(data)))
        newlines.extend(
            data.count(b"\n", start, start + BLOCK) for start in range(0, len(data) // BLOCK * BLOCK, BLOCK)
        )
        size += len(data)
    if sys.byteorder == "big":
        newlines.byteswap()
    for magic, content in ((_TIMES, times), (_NEWLINES, newlines.tobytes())):
        if content:
            packed = packer.compress(content)
            entries.append((target.write(_HEADER.pack(magic, len(packed)) + packed), 0))
    table = b"".join(_ENTRY.pack(*entry) for entry in entries)
    target.write(_HEADER.pack(_TABLE, len(table) + _FOOTER.size) + table + _FOOTER.pack(len(entries), 0, _SEEKABLE))
    return size


def _whole(source: IO[bytes], count: int) -> bytes:
    """So many bytes, unless the end comes before."""
    data = source.read(count)
    while 0 < len(data) < count and (more := source.read(count - len(data))):
        data += more
    return data


@dataclass(frozen=True, slots=True)
class Table:
    """Where the frames of a packed log are.

    :param starts: where each frame begins in the log, and after the last where the log ends.
    :param places: where each begins in the packed log, and after the last where that ends.
    :param beside: the skippable frames after them: their offsets and lengths.
    """

    starts: list[int]
    places: list[int]
    beside: list[tuple[int, int]]

    @property
    def size(self) -> int:
        """The length of the log, unpacked."""
        return self.starts[-1]


def read_table(size: int, read_at: ReadAt) -> Table:
    """Read where the frames are.

    :param size: bytes of the packed log.
    :raises DamagedError: it is none, or not whole.
    """
    end = read_at(max(0, size - _END), min(size, _END))
    if len(end) < _HEADER.size + _FOOTER.size:
        raise DamagedError("it is too short")
    count, descriptor, magic = _FOOTER.unpack_from(end, len(end) - _FOOTER.size)
    if magic != _SEEKABLE or descriptor & _RESERVED:
        raise DamagedError("its end is missing")
    entry = _ENTRY.size + (4 if descriptor & _CHECKSUM_FLAG else 0)
    length = _HEADER.size + count * entry + _FOOTER.size
    if length > size:
        raise DamagedError("its table is longer than all of it")
    frame = end[-length:] if length <= len(end) else read_at(size - length, length)
    if _HEADER.unpack_from(frame) != (_TABLE, length - _HEADER.size):
        raise DamagedError("its table is not where it should be")
    rows = [_ENTRY.unpack_from(frame, _HEADER.size + at * entry) for at in range(count)]
    data = [(packed, unpacked) for packed, unpacked in rows if unpacked]
    places = list(accumulate((packed for packed, _ in data), initial=0))
    begins = accumulate((packed for packed, _ in rows), initial=0)
    beside = [(place, packed) for place, (packed, unpacked) in zip(begins, rows, strict=False) if not unpacked]
    if sum(packed for packed, _ in rows) + length != size or any(place < places[-1] for place, _ in beside):
        raise DamagedError("its table does not tell of all of it")
    return Table(list(accumulate((unpacked for _, unpacked in data), initial=0)), places, beside)


class PackedLog:
    """Reads parts of a packed log. What was unpacked is kept for a while, for whoever reads on.

    :param key: tells it from every other one, and from what it was before.
    :param size: bytes of the packed log.
    """

    def __init__(self, key: Hashable, size: int, read_at: ReadAt) -> None:
        self._key = key
        self._read_at = read_at
        self._table = _tables.get(key) or read_table(size, read_at)
        _tables.put(key, self._table)

    @property
    def size(self) -> int:
        """The length of the log, unpacked."""
        return self._table.size

    def read(self, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of the log from `offset` on.

        :raises DamagedError: a frame is not what was written.
        """
        end = min(self.size, offset + limit)
        if offset >= end:
            return b""
        first, last = bisect_right(self._table.starts, offset) - 1, bisect_right(self._table.starts, end - 1) - 1
        data = b"".join(self._frames(first, last))
        return data[offset - self._table.starts[first] : end - self._table.starts[first]]

    def cached(self, offset: int, limit: int) -> bytes | None:
        """Like `read`, where that needs nothing but what is kept."""
        end = min(self.size, offset + limit)
        if offset >= end:
            return b""
        first, last = bisect_right(self._table.starts, offset) - 1, bisect_right(self._table.starts, end - 1) - 1
        there = all(_frames.get((self._key, number)) is not None for number in range(first, last + 1))
        return self.read(offset, limit) if there else None

    def times(self) -> bytes:
        """The records of when its parts were written."""
        return self._beside(_TIMES)

    def newlines(self) -> array[int]:
        """How many newlines each whole block of the log has."""
        counts = array("I", self._beside(_NEWLINES))
        if sys.byteorder == "big":
            counts.byteswap()
        return counts

    def _beside(self, wanted: int) -> bytes:
        for place, length in self._table.beside:
            frame = self._read_at(place, length)
            if len(frame) == length and _HEADER.unpack_from(frame)[0] == wanted:
                return _unpacked(frame[_HEADER.size :])
        return b""

    def _frames(self, first: int, last: int) -> Iterator[bytes]:
        """Some frames in order. Those that are not kept are read together."""
        number = first
        while number <= last:
            kept = _frames.get((self._key, number))
            if kept is not None:
                yield kept
                number += 1
                continue
            end = number + 1
            while end <= last and _frames.get((self._key, end)) is None:
                end += 1
            place = self._table.places[number]
            packed = self._read_at(place, self._table.places[end] - place)
            for each in range(number, end):
                start = self._table.places[each] - place
                data = _unpacked(packed[start : self._table.places[each + 1] - place])
                if len(data) != self._table.starts[each + 1] - self._table.starts[each]:
                    raise DamagedError("a frame is shorter than its table says")
                _frames.put((self._key, each), data)
                yield data
            number = end


def _unpacked(frame: bytes) -> bytes:
    try:
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise DamagedError(f"a frame cannot be unpacked: {error}") from None


class Kept(Generic[_Value]):
    """What was used last, up to a number."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, _Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> _Value | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: _Value) -> None:
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._most:
                self._values.popitem(last=False)


_frames: Kept[bytes] = Kept(_FRAMES_KEPT)
_tables: Kept[Table] = Kept(_TABLES_KEPT)
