"""Writing a log: an append-only file, secrets replaced, from any thread."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from core import secrets
from core.errors import OperationError
from core.logs import times
from core.logs.redact import Redactor

_ADVICE = {
    errno.ENOSPC: "free some space there",
    errno.EDQUOT: "free some space there or raise the quota",
    errno.EACCES: "let the deployer's user write there",
    errno.EPERM: "let the deployer's user write there",
    errno.EROFS: "mount it writable",
    errno.EMFILE: "raise the limit of open files",
    errno.ENFILE: "raise the limit of open files",
}


class LogWriter:
    """Appends to one log, from any thread (`core.values.Log`).

    :param bring_back: has the file there again that was packed.

    What a call was given and the disk did not take is kept in memory and goes first at the next call: after an error,
    call `flush` to try again, and do not give the same data a second time.
    """

    def __init__(self, path: Path, on_write: Callable[[], None], bring_back: Callable[[], None]) -> None:
        self._path = path
        self._on_write = on_write
        self._bring_back = bring_back
        self._redactor = Redactor()
        self._known = 0
        self._unwritten = b""
        self._lock = threading.Lock()
        self._file = self._held()
        size = os.fstat(self._file).st_size
        # The runner may have been killed in the middle of a line.
        self._in_line = size > 0 and os.pread(self._file, 1, size - 1) != b"\n"
        self._times = times.Times(times.beside(self._path))

    def _held(self) -> int:
        """The file, which nobody packs while it is open here."""
        while True:
            self._bring_back()
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            # Where a file system knows no locks, nothing is packed that anybody still writes: its job is long over.
            with contextlib.suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_SH)
            if os.fstat(file).st_nlink:
                return file
            os.close(file)

    def write(self, data: bytes) -> None:
        """Append the raw output of a command, secrets replaced.

        :raises OperationError: the disk did not take all of it; says what to do.
        """
        with self._lock:
            self._learn()
            self._append(self._redactor.feed(data))

    def note(self, text: str) -> None:
        """Append a line of the deployer's own, with the time in UTC. No text can make it two lines.

        :raises OperationError: the disk did not take all of it; says what to do.
        """
        with self._lock:
            words = self._hidden(text)
            before = self._redactor.flush()
            ended = before.endswith(b"\n") if before else not self._in_line
            now = datetime.now(UTC).isoformat(" ", "milliseconds").removesuffix("+00:00")
            self._append(before + (b"" if ended else b"\n") + f"{now} {_on_one_line(words)}\n".encode())

    def redact(self, secret: str) -> None:
        """Replace this value in everything that is written from now on. See `Redactor.add`."""
        with self._lock:
            self._redactor.add(secret)

    def hide(self, text: str) -> str:
        """A text about the job, without what its log does not show."""
        with self._lock:
            return self._hidden(text)

    def _hidden(self, text: str) -> str:
        self._learn()
        return self._redactor.hide(text.encode("utf-8", "surrogatepass")).decode(errors="replace")

    def _learn(self) -> None:
        """Hide what the process has come by too, whether or not a plugin names it for this log."""
        if self._known != (count := secrets.count()):
            self._known = count
            for value in secrets.known():
                if len(value) >= secrets.SHORTEST:
                    self._redactor.add(value)

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


def _failure(path: Path, error: OSError) -> OperationError:
    advice = _ADVICE.get(error.errno or 0, "")
    reason = f"the log cannot be written in {path.parent}: {error.strerror}"
    return OperationError(reason + (f"; {advice}" if advice else ""))


def _on_one_line(text: str) -> str:
    """Escape what could begin a line or talk to a terminal: everything that is not printed as itself."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
