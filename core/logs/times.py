"""When each part of a log was written: a file of fixed records beside the log, which can be lost without harm.

A record is two unsigned 64-bit integers, little-endian: the offset of a byte in the log, and when what begins there was
written, in milliseconds since 1970. A last record that is not whole is not there.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

#: What follows the name of a log in the name of the file.
SUFFIX = ".times"
#: Milliseconds for which one record speaks.
RESOLUTION = 100
_RECORD = struct.Struct("<QQ")


@dataclass(frozen=True, slots=True)
class Moment:
    """What begins at `offset` was written at `at`, or up to 100 ms later."""

    offset: int
    at: datetime


class Times:
    """Appends records. It never fails: when the disk is full, or after any other error, it just stops."""

    def __init__(self, path: Path) -> None:
        self._last = 0
        self._file = -1
        with contextlib.suppress(OSError):
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            size = os.fstat(self._file).st_size
            os.ftruncate(self._file, size - size % _RECORD.size)

    def due(self) -> bool:
        """Whether the last record does not speak for now any more."""
        return self._file >= 0 and not 0 <= _now() - self._last < RESOLUTION

    def record(self, offset: int) -> None:
        """Note that what begins at this offset is written now."""
        self._last = _now()
        try:
            whole = os.write(self._file, _RECORD.pack(offset, self._last)) == _RECORD.size
        except OSError:
            whole = False
        if not whole:
            self.close()

    def close(self) -> None:
        """Let go of the file. Closing twice is harmless."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def beside(log: Path) -> Path:
    """The file of records of a log."""
    return log.with_name(log.name + SUFFIX)


def read(path: Path) -> bytes:
    """Every record; none where there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def moments(records: bytes) -> list[Moment]:
    """What records say, oldest first."""
    whole = records[: len(records) - len(records) % _RECORD.size]
    return [Moment(offset, datetime.fromtimestamp(ms / 1000, UTC)) for offset, ms in _RECORD.iter_unpack(whole)]


def _now() -> int:
    return time.time_ns() // 1_000_000
