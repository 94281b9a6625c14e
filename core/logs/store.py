"""Logs by name: as files that only grow while their jobs go on, and packed once these are over.

The byte offset is the truth that everyone agrees on, whatever form a log is in. A log is read from its file where there is
one, then from what is packed on the disk, then from the shelf that packed logs are moved to (`core.logs.shelves`); each
step from one to the next keeps the former until the latter is safe, so that there is always one of them, and it is whole.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import tempfile
from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO

from core.errors import OperationError
from core.logs import packed, times
from core.logs.packed import DamagedError, PackedLog
from core.logs.shelves import SUFFIX, Disk, Shelf, sync_directory
from core.logs.writer import LogWriter

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
#: What stands before the name of a file that is not whole yet: no log's name begins so.
_UNFINISHED = ".packing-"
#: Bytes read at once where the end of a log is looked for, or all of it is copied.
_BLOCK, _PIECE = 1 << 16, 1 << 20


class LogStore:
    """The logs under one directory, by name: `2026-11-23/000123-build.log`. One that does not exist is empty.

    :param shelf: where packed logs are moved to; None: they stay on the disk.
    """

    def __init__(self, root: Path, shelf: Shelf | None = None) -> None:
        self.root = root
        self.shelf = shelf
        self._disk = Disk(root)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LogStore) and (self.root, self.shelf) == (other.root, other.shelf)

    def __hash__(self) -> int:
        return hash((self.root, self.shelf))

    def path(self, name: str) -> Path:
        """The file of a log that is not packed.

        :raises ValueError: the name could lead out of the directory, or to a file that is no log.
        """
        if not is_name(name):
            raise ValueError(f"{name!r} is no name of a log")
        return self.root / name

    def open(self, name: str, *, on_write: Callable[[], None] = lambda: None) -> LogWriter:
        """Append to a log, which need not exist. One that was packed is brought back.

        :param on_write: called after each write, in the thread that wrote: a hint that the log grew.
        :raises OSError: it cannot be opened.
        :raises OperationError: it is packed, and damaged.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return LogWriter(path, on_write, lambda: self._bring_back(name))

    # Reading

    def size(self, name: str) -> int:
        """The length of a log in bytes; a job that has none yet has an empty name."""
        with self._reading(name) as log:
            return log.size if log else 0

    def exists(self, name: str) -> bool:
        """Whether there is a log of this name, in whatever form."""
        with self._reading(name) as log:
            return log is not None

    def read(self, name: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a log from `offset` on; nothing at its end."""
        with self._reading(name) as log:
            return log.read(offset, limit) if log else b""

    def read_cached(self, name: str, offset: int, limit: int) -> bytes | None:
        """Like `read`, but None where it would most likely have to wait for the disk: for the event loop."""
        if not name:
            return b""
        path = self.path(name)
        try:
            status = path.stat()
            count = max(0, min(limit, status.st_size - offset))
            return _part(str(path), status.st_ino, offset, count) if count else b""
        except FileNotFoundError:
            return self._packed_cached(name, offset, limit)
        except OSError:
            return None

    def _packed_cached(self, name: str, offset: int, limit: int) -> bytes | None:
        with contextlib.suppress(OSError, DamagedError), self._disk.open(name) as log:
            if log:
                return log.cached(offset, limit)
        return b"" if self.shelf is None else None

    def tail(self, name: str, lines: int, *, limit: int = 1 << 20) -> bytes:
        """The last lines of a log, however long it is, as far as they lie within its last `limit` bytes."""
        with self._reading(name) as log:
            return _last_lines(log, lines, limit) if log else b""

    def times(self, name: str) -> list[times.Moment]:
        """When the parts of a log were written, as far as that is known."""
        with self._reading(name) as log:
            return times.moments(log.times()) if log else []

    def newlines(self, name: str) -> array[int]:
        """How many newlines each whole block of a packed log has; nothing of one that is not packed."""
        with self._reading(name) as log:
            return log.newlines() if log else array("I")

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[_Plain | PackedLog | None]:
        if not name:
            yield None
            return
        path = self.path(name)
        with contextlib.ExitStack() as stack:
            log: _Plain | PackedLog | None
            try:
                log = stack.enter_context(_plain(path))
            except FileNotFoundError:
                log = self._on_shelves(name, stack)
            try:
                yield log
            except DamagedError as error:
                raise _damaged(name, error) from None

    def _on_shelves(self, name: str, stack: contextlib.ExitStack) -> PackedLog | None:
        for shelf in (self._disk, self.shelf):
            try:
                if shelf and (log := stack.enter_context(shelf.open(name))):
                    return log
            except DamagedError as error:
                raise _damaged(name, error) from None
        return None

    def where(self, name: str) -> str:
        """Where a log should be once its job is over, in words for people."""
        return (self.shelf or self._disk).where(name)

    # Packing

    def loose(self) -> Iterator[tuple[str, bool]]:
        """The logs whose files are still here: name, and whether it is packed and has only to be moved."""
        for directory in sorted(path for path in _children(self.root) if path.is_dir()):
            names = {path.name for path in _children(directory)}
            for each in sorted(names):
                if is_name(f"{directory.name}/{each}"):
                    yield f"{directory.name}/{each}", False
                elif self.shelf and each.endswith(SUFFIX) and each.removesuffix(SUFFIX) not in names:
                    yield f"{directory.name}/{each.removesuffix(SUFFIX)}", True

    def pack(self, name: str) -> bool:
        """Pack a log that nobody writes any more; False where there was nothing to pack, or somebody has it open to write.

        Killed at any moment, it leaves the file or what is packed, whole.
        """
        path = self.path(name)
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return False
        with source, _alone(source) as alone, self._unfinished(path) as (target, unfinished):
            if not alone:
                return False
            size = packed.pack(source, target, times.read(times.beside(path)))
            target.flush()
            os.fsync(target.fileno())
            if os.fstat(source.fileno()).st_size != size:
                return False
            self._disk.put(name, unfinished)
            path.unlink(missing_ok=True)
            times.beside(path).unlink(missing_ok=True)
        return True

    def move(self, name: str) -> None:
        """Move a packed log from the disk to the shelf, where there is one.

        :raises OperationError: the shelf does not take it; it stays where it is.
        """
        packed_file = self._disk.path(name)
        if self.shelf is None or not packed_file.exists() or self.path(name).exists():
            return
        with self.shelf.open(name) as there, self._disk.open(name) as here:
            if there and here and not _begins_with(here, there):
                # It was written on after it had been moved: both parts go there, as one.
                self._join(name, there, here)
                return
        self.shelf.put(name, packed_file)

    def remove(self, name: str) -> None:
        """Remove a log in all its forms. One that is not there is removed already."""
        path = self.path(name)
        if self.shelf:
            self.shelf.remove(name)
        self._disk.remove(name)
        path.unlink(missing_ok=True)
        times.beside(path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # The last of its day.
            path.parent.rmdir()

    def stored(self, directory: str) -> dict[str, int]:
        """The bytes that each log of a day takes, in all its forms."""
        found = self.shelf.sizes(directory) if self.shelf else {}
        for name, size in self._disk.sizes(directory).items():
            found[name] = found.get(name, 0) + size
        for path in _children(self.root / directory):
            name = f"{directory}/{path.name.removesuffix(times.SUFFIX)}"
            if is_name(name):
                with contextlib.suppress(FileNotFoundError):
                    found[name] = found.get(name, 0) + path.stat().st_size
        return found

    @contextlib.contextmanager
    def _unfinished(self, path: Path) -> Iterator[tuple[tempfile._TemporaryFileWrapper[bytes], Path]]:
        """A file beside another that is gone afterwards, unless it was given a name."""
        prefix = f"{_UNFINISHED}{path.name}-"
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=prefix, delete=False) as file:
            unfinished = Path(file.name)
            unfinished.chmod(0o640)
            try:
                yield file, unfinished
            finally:
                unfinished.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what packing left half done. Only whoever packs alone may call it."""
        for path in self.root.glob(f"*/{_UNFINISHED}*"):
            path.unlink(missing_ok=True)
        for path in self.root.glob(f"*/*{times.SUFFIX}"):
            log = path.with_name(path.name.removesuffix(times.SUFFIX))
            if not log.exists() and log.with_name(log.name + SUFFIX).exists():
                path.unlink(missing_ok=True)

    def _bring_back(self, name: str) -> None:
        """Have the file of a packed log there again, so that it can be appended to."""
        path = self.path(name)
        if not path.exists():
            # What was moved already is joined with what is written now when that is moved (`move`): whoever begins a job
            # waits for no other server.
            try:
                with self._disk.open(name) as log:
                    if log:
                        self._join(name, log)
            except DamagedError as error:
                raise _damaged(name, error) from None

    def _join(self, name: str, *parts: PackedLog) -> None:
        """Make packed logs one file, unless there is one."""
        path = self.path(name)
        with self._unfinished(path) as (file, unfinished):
            for part in parts:
                offset = 0
                while data := part.read(offset, _PIECE):
                    offset += file.write(data)
            file.flush()
            os.fsync(file.fileno())
            # Somebody else may have brought it back, and have written more.
            with contextlib.suppress(FileExistsError):
                if (records := parts[0].times()) and not path.exists():
                    times.beside(path).write_bytes(records)
                os.link(unfinished, path)
            sync_directory(path.parent)


def is_name(name: str) -> bool:
    """Whether it is the name of a log, and of nothing that is kept beside one."""
    return bool(_NAME.fullmatch(name)) and not name.endswith((times.SUFFIX, SUFFIX))


class _Plain:
    """A log as a file."""

    def __init__(self, path: Path, file: int) -> None:
        self._path = path
        self._file = file

    @property
    def size(self) -> int:
        return os.fstat(self._file).st_size

    def read(self, offset: int, limit: int) -> bytes:
        """Of what there is, so that no more memory is asked for."""
        return os.pread(self._file, max(0, min(limit, self.size - offset)), offset)

    def times(self) -> bytes:
        return times.read(times.beside(self._path))

    def newlines(self) -> array[int]:
        return array("I")


@contextlib.contextmanager
def _plain(path: Path) -> Iterator[_Plain]:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _Plain(path, file)
    finally:
        os.close(file)


def _begins_with(log: PackedLog, other: PackedLog) -> bool:
    pieces = range(0, other.size, _PIECE)
    return log.size >= other.size and all(
        log.read(at, _PIECE)[: other.size - at] == other.read(at, _PIECE) for at in pieces
    )


@contextlib.contextmanager
def _alone(log: IO[bytes]) -> Iterator[bool]:
    """Whether nobody has a log open to write, which nobody then has while this lasts (`LogWriter`)."""
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP):
            raise
    yield True


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _damaged(name: str, error: DamagedError) -> OperationError:
    return OperationError(f"the packed log {name} is damaged: {error}; take it from a backup")


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


def _last_lines(log: _Plain | PackedLog, lines: int, limit: int) -> bytes:
    at, data = log.size, b""
    while at and len(data) < limit and data.count(b"\n", 0, -1) < lines:
        step = min(_BLOCK, at, limit - len(data))
        at -= step
        data = log.read(at, step) + data
    # Not `splitlines`, which would also break at a carriage return.
    body = data.removesuffix(b"\n")
    return b"\n".join(body.split(b"\n")[-lines:]) + data[len(body) :]
