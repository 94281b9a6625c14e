"""Where the logs of jobs that are over lie, packed: on the disk beside those that are still written, or elsewhere."""

from __future__ import annotations

import contextlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from core.logs.packed import PackedLog
from core.values import Finding

#: What follows the name of a log that is packed.
SUFFIX = ".zst"


class Shelf(ABC):
    """Keeps packed logs by the names of the logs. Every operation may be repeated.

    :raises OperationError: any of them, where the shelf does not answer or refuses; says what to do.
    """

    @abstractmethod
    def put(self, name: str, packed: Path) -> None:
        """Take over a packed log: once this returns it is kept here, whatever happens, and the file is gone.

        One of the same name is replaced, at once.
        """

    @abstractmethod
    def open(self, name: str) -> contextlib.AbstractContextManager[PackedLog | None]:
        """Read a log; None where there is none of the name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a log. One that is not there is removed already."""

    @abstractmethod
    def sizes(self, directory: str) -> dict[str, int]:
        """The logs in a directory, which is the first part of their names, and the bytes that each takes, packed.

        :param directory: empty for all logs.
        """

    @abstractmethod
    def copy(self, name: str, to: IO[bytes]) -> None:
        """Copy a packed log, as it is kept, to the end of a file."""

    @abstractmethod
    def where(self, name: str) -> str:
        """Where a log is kept, in words for people."""

    @abstractmethod
    def answers(self) -> None:
        """See whether anybody answers, without writing."""

    @abstractmethod
    def check(self) -> Finding:
        """Write, read and remove something, and tell whether that works."""


class Disk(Shelf):
    """Packed logs on the disk, under the names of the logs and with `.zst` after them."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, packed: Path) -> None:
        target = self.path(name)
        packed.rename(target)
        sync_directory(target.parent)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[PackedLog | None]:
        path = self.path(name)
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield None
            return
        try:
            status = os.fstat(file)
            key = (str(path), status.st_ino, status.st_mtime_ns, status.st_size)
            yield PackedLog(key, status.st_size, lambda offset, count: os.pread(file, count, offset))
        finally:
            os.close(file)

    def remove(self, name: str) -> None:
        self.path(name).unlink(missing_ok=True)

    def sizes(self, directory: str) -> dict[str, int]:
        found: dict[str, int] = {}
        if not directory:
            days = [path.name for path in self._root.iterdir() if path.is_dir()] if self._root.is_dir() else []
            return {name: size for day in sorted(days) for name, size in self.sizes(day).items()}
        with contextlib.suppress(FileNotFoundError), os.scandir(self._root / directory) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    with contextlib.suppress(FileNotFoundError):
                        found[f"{directory}/{entry.name.removesuffix(SUFFIX)}"] = entry.stat().st_size
        return found

    def copy(self, name: str, to: IO[bytes]) -> None:
        with self.path(name).open("rb") as file:
            shutil.copyfileobj(file, to)

    def where(self, name: str) -> str:
        return str(self.path(name))

    def answers(self) -> None:
        """The disk is looked at by those who write logs."""

    def check(self) -> Finding:
        return Finding(level="ok", text=f"Logs are packed on the disk, in {self._root}")

    def path(self, name: str) -> Path:
        """The file of a packed log."""
        return self._root / f"{name}{SUFFIX}"


def sync_directory(directory: Path) -> None:
    """Have the names in a directory on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
