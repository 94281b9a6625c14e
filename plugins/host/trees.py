"""Copies of directory trees, and the digest that names one by its content.

The digest is SHA-256 over a header and one record for each entry, breadth first, the entries of a directory in the
order of their names' bytes. A record is a letter (`d` directory, `f` file, `x` executable file, `l` symbolic link), the
length of the path, the path from the top, and 32 bytes: the SHA-256 of the file's content or of the link's target, zeros
for a directory. Nothing else of a tree counts: not times, owners or other bits of the mode, which no copy keeps.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections import deque
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from threading import Event
from typing import BinaryIO

from core.api import OperationError, Stalled
from plugins.host.waiting import Stopped

_CHUNK = 1 << 20
_HEADER = b"deployer tree 1\n"
#: Where a checkout keeps its history: never part of what was built.
_LEFT_OUT = frozenset({".git"})


def copy(source: Path, target: Path | None, stop: Event) -> str:
    """Copy a tree and answer the digest of the copy, in hexadecimal. Links are copied as links, whatever they point to.

    The digest is of the bytes that were written: nothing that still changes the source can make it wrong.

    :param target: does not exist yet; None to copy nothing and only answer the digest.
    :raises Stalled: there is something that cannot be kept, such as a socket.
    :raises Stopped: `stop` was set.
    """
    tree = hashlib.sha256(_HEADER)
    if target:
        target.mkdir()
    todo = deque([Path()])
    while todo:
        path = todo.popleft()
        for entry in sorted(os.scandir(source / path), key=lambda each: os.fsencode(each.name)):
            if stop.is_set():
                raise Stopped
            if entry.name in _LEFT_OUT:
                continue
            letter, content = _copy_entry(entry, target and target / path / entry.name, stop)
            name = os.fsencode(path / entry.name)
            tree.update(letter + len(name).to_bytes(8) + name + content)
            if letter == b"d":
                todo.append(path / entry.name)
    return tree.hexdigest()


@contextlib.contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Tell what the disk refuses (no space, no permission) as what may pass, with the path."""
    try:
        yield
    except OSError as error:
        raise OperationError(f"{error.filename or path}: {error.strerror or error}") from error


def _copy_entry(entry: os.DirEntry[str], target: Path | None, stop: Event) -> tuple[bytes, bytes]:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        link = os.readlink(entry.path)  # noqa: PTH115  a Path would lose `./`
        if target:
            target.symlink_to(link)
        return b"l", hashlib.sha256(os.fsencode(link)).digest()
    if stat.S_ISDIR(status.st_mode):
        if target:
            target.mkdir()
        return b"d", bytes(32)
    if not stat.S_ISREG(status.st_mode):
        raise Stalled(f"{entry.path} is a {_sort(status.st_mode)}: only files, directories and links can be kept")
    executable = bool(status.st_mode & stat.S_IXUSR)
    with Path(entry.path).open("rb", buffering=0) as read, _new_file(target, executable) as write:
        return b"x" if executable else b"f", _copy_content(read, write, stop)


@contextlib.contextmanager
def _new_file(target: Path | None, executable: bool) -> Iterator[BinaryIO | None]:
    if target is None:
        yield None
        return
    with target.open("xb") as write:
        yield write
        os.fchmod(write.fileno(), 0o755 if executable else 0o644)


def _copy_content(read: FileIO, write: BinaryIO | None, stop: Event) -> bytes:
    content = hashlib.sha256()
    while chunk := read.read(_CHUNK):
        if stop.is_set():
            raise Stopped
        content.update(chunk)
        if write:
            write.write(chunk)
    return content.digest()


def _sort(mode: int) -> str:
    kinds = {stat.S_IFSOCK: "socket", stat.S_IFIFO: "pipe", stat.S_IFBLK: "block device", stat.S_IFCHR: "device"}
    return kinds.get(stat.S_IFMT(mode), "thing of an unknown sort")
