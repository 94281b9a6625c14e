"""A log that does not grow without end. Only the standard library, as the supervisor writes it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Bytes after which a new file is begun; the one before it is kept.
LIMIT = 5 << 20


class RotatingLog:
    """A service's output: at most two files of `LIMIT` bytes. What a full disk refuses is lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            os.write(self._file, data)
            if os.fstat(self._file).st_size >= LIMIT:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                os.close(self._file)
                self._file = -1
