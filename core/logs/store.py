"""Logs as files that only grow. A byte's offset in its file is its place in the log, for ever.

Beside each log lies a file of times, `NAME.times`: fixed records of an offset and a moment, so that a page can tell when
something was written. Losing it loses nothing else.
"""

from __future__ import annotations

import os
import re
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from core.errors import OperationError
from core.logs.redact import Redactor

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
#: A byte offset and milliseconds since 1970, both unsigned and little-endian.
_TIME = struct.Struct("<QQ")
#: Seconds in which at most one time is recorded.
_TIME_STEP = 0.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Moment:
    """What begins at `offset` was written at `at`."""

    offset: int
    at: datetime


class LogStore:
    """The logs under one directory. A log that does not exist is an empty one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """Where a log is kept.

        :raises ValueError: the name would lead out of the directory.
        """
        if not _NAME.fullmatch(name) or ".." in name:
            raise ValueError(f"{name!r} is no name of a log")
        return self.root / name

    def open(self, name: str, *, on_write: Callable[[], None] = lambda: None) -> LogWriter:
        """Continue a log.

        :param on_write: called after each append.
        :raises OSError: it cannot be opened.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return LogWriter(path, on_write)

    def size(self, name: str) -> int:
        """Its length in bytes."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes from a place on; nothing at the end."""
        try:
            with self.path(name).open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError:
            return b""

    def tail(self, name: str, lines: int, *, limit: int = 1 << 20) -> bytes:
        """The last lines, as far as they lie within the last `limit` bytes."""
        size = self.size(name)
        data = self.read(name, max(size - limit, 0), limit)
        return b"".join(data.splitlines(keepends=True)[-lines:])

    def times(self, name: str) -> list[Moment]:
        """When what was written; a record that was only half written is left out."""
        try:
            data = self.path(name + ".times").read_bytes()
        except FileNotFoundError:
            return []
        whole = data[: len(data) - len(data) % _TIME.size]
        return [Moment(offset, datetime.fromtimestamp(ms / 1000, UTC)) for offset, ms in _TIME.iter_unpack(whole)]


class LogWriter:
    """Appends to one log, without its secrets. What was written is in the kernel's hands when a call returns."""

    def __init__(self, path: Path, on_write: Callable[[], None]) -> None:
        self._path = path
        self._on_write = on_write
        self._redactor = Redactor()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._log = os.open(path, flags, 0o640)
        self._times = os.open(f"{path}.times", flags, 0o640)
        self._size = os.fstat(self._log).st_size
        self._timed = 0.0
        self._at_start_of_line = self._size == 0 or os.pread(self._log, 1, self._size - 1) == b"\n"

    def write(self, data: bytes) -> None:
        """Append the raw output of a command."""
        self._append(self._redactor.feed(data))

    def note(self, text: str) -> None:
        """Append a line of the deployer's own, with the time in UTC. What others wrote in it can forge no line."""
        self.flush()
        now = datetime.now(UTC)
        line = f"{now:%Y-%m-%d %H:%M:%S}.{now.microsecond // 1000:03d} {_CONTROL.sub(_escaped, text)}\n"
        start = b"" if self._at_start_of_line else b"\n"
        self._append(start + self._redactor.feed(line.encode(errors="replace")) + self._redactor.flush())

    def redact(self, secret: str) -> None:
        """Replace this value in everything that is written from now on."""
        self._redactor.add(secret)

    def flush(self) -> None:
        """Append what was held back because it might have been the beginning of a secret."""
        self._append(self._redactor.flush())

    def close(self) -> None:
        """Append what is left and let go of the files."""
        try:
            self.flush()
        finally:
            os.close(self._log)
            os.close(self._times)

    def _append(self, data: bytes) -> None:
        if not data:
            return
        self._record_time()
        rest = memoryview(data)
        while rest:
            try:
                count = os.write(self._log, rest)
            except OSError as error:
                raise OperationError(f"the log cannot be written in {self._path.parent}: {error.strerror}") from error
            self._size += count
            rest = rest[count:]
        self._at_start_of_line = data.endswith(b"\n")
        self._on_write()

    def _record_time(self) -> None:
        now = time.monotonic()
        if now - self._timed < _TIME_STEP:
            return
        self._timed = now
        try:
            os.write(self._times, _TIME.pack(self._size, int(time.time() * 1000)))
        except OSError:
            # Times are a comfort; the log itself will say that the disk is full.
            return


def _escaped(match: re.Match[str]) -> str:
    return "\t" if match[0] == "\t" else repr(match[0])[1:-1]
