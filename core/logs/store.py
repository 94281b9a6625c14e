"""Logs as files that only grow: one a job, under one directory. The byte offset is the truth that everyone agrees on."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from core.errors import OperationError
from core.logs import times
from core.logs.redact import Redactor

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
_TIMES = ".times"
#: Bytes read at once where the end of a log is looked for.
_BLOCK = 1 << 16
_ADVICE = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there or raise the quota",
    errno.EACCES: "let the deployer's user write there",
    errno.EPERM: "let the deployer's user write there",
    errno.EROFS: "mount it writable",
    errno.EMFILE: "raise the limit of open files",
    errno.ENFILE: "raise the limit of open files",
}


class LogStore:
    """The logs under one directory, by name: `2026-11-23/000123-build.log`. One that does not exist is empty."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        """The file of a log.

        :raises ValueError: the name could lead out of the directory, or to a file that is no log.
        """
        if not _NAME.fullmatch(name) or name.endswith(_TIMES):
            raise ValueError(f"{name!r} is no name of a log")
        return self.root / name

    def open(self, name: str, *, on_write: Callable[[], None] = lambda: None) -> LogWriter:
        """Append to a log, which need not exist.

        :param on_write: called after each write, in the thread that wrote: a hint that the log grew.
        :raises OSError: it cannot be opened.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return LogWriter(path, on_write)

    def size(self, name: str) -> int:
        """The length of a log in bytes."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a log from `offset` on; nothing at its end."""
        with self._reading(name) as file:
            return b"" if file is None else os.pread(file, _ahead(file, offset, limit), offset)

    def read_cached(self, name: str, offset: int, limit: int) -> bytes | None:
        """Like `read`, but None where it would most likely have to wait for the disk: for the event loop."""
        path = self.path(name)
        try:
            status = path.stat()
            count = max(0, min(limit, status.st_size - offset))
            return _part(str(path), status.st_ino, offset, count) if count else b""
        except FileNotFoundError:
            return b""
        except OSError:
            return None

    def tail(self, name: str, lines: int, *, limit: int = 1 << 20) -> bytes:
        """The last lines of a log, however long it is, as far as they lie within its last `limit` bytes."""
        with self._reading(name) as file:
            return b"" if file is None else _last_lines(file, lines, limit)

    def times(self, name: str) -> list[times.Moment]:
        """When the parts of a log were written, as far as that is known."""
        return times.read(_times_path(self.path(name)))

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[int | None]:
        try:
            file = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            yield file
        finally:
            os.close(file)


class LogWriter:
    """Appends to one log, from any thread (`core.values.Log`).

    What a call was given and the disk did not take is kept in memory and goes first at the next call: after an error,
    call `flush` to try again, and do not give the same data a second time.
    """

    def __init__(self, path: Path, on_write: Callable[[], None]) -> None:
        self._path = path
        self._on_write = on_write
        self._redactor = Redactor()
        self._unwritten = b""
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        size = os.fstat(self._file).st_size
        # The runner may have been killed in the middle of a line.
        self._in_line = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        self._times = times.Times(_times_path(path))

    def write(self, data: bytes) -> None:
        """Append the raw output of a command, secrets replaced.

        :raises OperationError: the disk did not take all of it; says what to do.
        """
        with self._lock:
            self._append(self._redactor.feed(data))

    def note(self, text: str) -> None:
        """Append a line of the deployer's own, with the time in UTC. No text can make it two lines.

        :raises OperationError: the disk did not take all of it; says what to do.
        """
        with self._lock:
            words = self._redactor.hide(text.encode("utf-8", "surrogatepass")).decode(errors="replace")
            before = self._redactor.flush()
            ended = before.endswith(b"\n") if before else not self._in_line
            now = datetime.now(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
            self._append(before + (b"" if ended else b"\n") + f"{now} {_on_one_line(words)}\n".encode())

    def redact(self, secret: str) -> None:
        """Replace this value in everything that is written from now on. See `Redactor.add`."""
        with self._lock:
            self._redactor.add(secret)

    def flush(self) -> None:
        """Write what is still held in memory: a tail that might have begun a secret, and what the disk did not take.

        :raises OperationError: the disk did not take all of it; says what to do.
        """
        with self._lock:
            self._append(self._redactor.flush())

    def close(self) -> None:
        """Flush, and let go of the file whatever happens. Closing twice is harmless.

        :raises OperationError: the disk did not take all of it, and the rest is lost.
        """
        with self._lock:
            if self._file < 0:
                return
            try:
                self._append(self._redactor.flush())
            finally:
                os.close(self._file)
                self._file = -1
                self._times.close()

    def _append(self, data: bytes) -> None:
        if data:
            self._in_line = not data.endswith(b"\n")
        self._unwritten += data
        if not self._unwritten:
            return
        try:
            if self._times.due():
                self._times.record(os.fstat(self._file).st_size)
            while self._unwritten:
                self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]
        except OSError as error:
            raise _failure(self._path, error) from error
        self._on_write()


def _times_path(path: Path) -> Path:
    return path.with_name(path.name + _TIMES)


def _failure(path: Path, error: OSError) -> OperationError:
    advice = _ADVICE.get(error.errno or 0, "")
    reason = f"the log cannot be written in {path.parent}: {error.strerror}"
    return OperationError(reason + (f"; {advice}" if advice else ""))


def _ahead(file: int, offset: int, limit: int) -> int:
    """How many bytes there are to read, so that no more memory is asked for."""
    return max(0, min(limit, os.fstat(file).st_size - offset))


@lru_cache(maxsize=16)
def _part(path: str, _inode: int, offset: int, count: int) -> bytes:
    """A part of a log. Kept for a while: what is written does not change, and where one follows there are often more.

    :raises OSError: the kernel has it not in memory, or cannot tell. Both ends are asked for, as logs come and go in
        order.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for place in (offset, offset + count - 1):
            os.preadv(file, [bytearray(1)], place, os.RWF_NOWAIT)
        return os.pread(file, count, offset)
    finally:
        os.close(file)


def _last_lines(file: int, lines: int, limit: int) -> bytes:
    at, data = os.fstat(file).st_size, b""
    while at and len(data) < limit and data.count(b"\n", 0, -1) < lines:
        step = min(_BLOCK, at, limit - len(data))
        at -= step
        data = os.pread(file, step, at) + data
    # Not `splitlines`, which would also break at a carriage return.
    body = data.removesuffix(b"\n")
    return b"\n".join(body.split(b"\n")[-lines:]) + data[len(body) :]


def _on_one_line(text: str) -> str:
    """Escape what could begin a line or talk to a terminal: everything that is not printed as itself."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
