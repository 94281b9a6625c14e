"""The file that `backup` writes and `restore` reads: tar, packed with Zstandard, with a manifest as its last member.

The manifest names every file with its size and its SHA-256. It comes last, as it is known last: an archive that was cut
has none. It is written beside its name and takes it when it is on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import zstandard
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ConfigurationError
from core.logs.shelves import sync_directory

#: Raised when an older deployer could not read what this one writes.
FORMAT = 1
#: What there can be at the top of an archive.
DATABASE, TABLES, KEY, LOGS, PLUGINS = "database.sqlite3", "tables", "secret_key", "logs", "plugins"
_MANIFEST = "manifest.json"
_TOP = {DATABASE, TABLES, KEY, LOGS, PLUGINS}
#: Bytes copied at once, and bytes of a manifest at most: 200 a file.
_PIECE, _LONGEST_MANIFEST = 1 << 20, 1 << 30
#: Packed bytes read at once.
_PACKED = 1 << 14


class Entry(BaseModel):
    """A file of the archive: its length in bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


class Manifest(BaseModel):
    """What an archive says of itself.

    :param version: of the deployer that wrote it.
    :param at: when, in UTC.
    :param database: `sqlite` or `postgresql`.
    :param migrations: by app, those that the database had, in order.
    :param tables: of PostgreSQL: the columns of each table in the order in which they were copied.
    """

    model_config = ConfigDict(extra="ignore")

    format: int = FORMAT
    version: str
    at: str
    database: str
    migrations: dict[str, list[str]]
    tables: dict[str, list[str]] = {}
    files: dict[str, Entry] = {}


class Writer:
    """Adds to an archive that is being written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, Entry] = {}

    def add(self, name: str, file: IO[bytes], mode: int = 0o640) -> None:
        """Add an open file from its beginning: as much as there is of it now, as logs go on growing."""
        size = os.fstat(file.fileno()).st_size
        info = self._info(name, mode)
        info.size = size
        hashing = _Hashing(file, size)
        self._tar.addfile(info, hashing)  # type: ignore[arg-type]  # it has what tarfile uses of a file
        self.files[name] = Entry(size=size, sha256=hashing.hexdigest())

    def add_copied(self, name: str, path: Path, status: os.stat_result) -> None:
        """Add a file that somebody may cut or write anew meanwhile: what was read at once."""
        with path.open("rb") as file, tempfile.TemporaryFile(dir=self._work) as copy:
            while data := file.read(_PIECE):
                copy.write(data)
            copy.flush()
            copy.seek(0)
            self.add(name, copy, stat.S_IMODE(status.st_mode))

    def add_tree(self, name: str, directory: Path, *, growing: bool = False) -> int:
        """Add what is under a directory; answer how many files. What vanishes meanwhile is left out, as are sockets.

        Names go backwards: of a Git repository the refs come before the objects that they need.

        :param growing: its files only grow.
        """
        count = 0
        for path in sorted(_children(directory), reverse=True):
            inner = f"{name}/{path.name}"
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISDIR(status.st_mode):
                    info = self._info(inner, stat.S_IMODE(status.st_mode))
                    info.type = tarfile.DIRTYPE
                    self._tar.addfile(info)
                    count += self.add_tree(inner, path, growing=growing)
                elif stat.S_ISLNK(status.st_mode):
                    info = self._info(inner, 0o777)
                    info.type, info.linkname = tarfile.SYMTYPE, str(path.readlink())
                    self._tar.addfile(info)
                elif stat.S_ISREG(status.st_mode):
                    if growing:
                        with path.open("rb") as file:
                            self.add(inner, file, stat.S_IMODE(status.st_mode))
                    else:
                        self.add_copied(inner, path, status)
                    count += 1
        return count

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest, which is the end."""
        data = manifest.model_copy(update={"files": self.files}).model_dump_json(indent=1).encode()
        info = self._info(_MANIFEST, 0o640)
        info.size = len(data)
        self._tar.addfile(info, BytesIO(data))

    @property
    def _work(self) -> Path:
        return Path(str(self._tar.name)).parent

    def _info(self, name: str, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.mode = mode
        return info


class _Hashing:
    """Reads a file up to a size and hashes what it gives. A file that was cut meanwhile goes on with zeroes."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self._left = size
        self._hash = hashlib.sha256()

    def read(self, count: int) -> bytes:
        count = min(count, self._left)
        data = self._file.read(count).ljust(count, b"\0")
        self._left -= count
        self._hash.update(data)
        return data

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Write an archive. It is there when the block ends well, and otherwise nothing is; only its owner may read it."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
            with (
                packer.stream_writer(file, closefd=False) as packed,
                tarfile.open(temporary, mode="w|", fileobj=packed, format=tarfile.PAX_FORMAT) as tar,
            ):
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        sync_directory(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


def unpack(path: Path, into: Path) -> Manifest:
    """Unpack an archive into an empty directory, and hold every file against the manifest.

    :raises ConfigurationError: it cannot be read, was cut or changed; says what to do.
    """
    try:
        with path.open("rb") as file:
            packed = _Unpacking(file)
            found, manifest = _unpack(packed, into)
            packed.finish()
    except (tarfile.TarError, zstandard.ZstdError, ValidationError, EOFError, ValueError) as error:
        raise damaged(path, str(error).partition("\n")[0] or type(error).__name__) from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be unpacked: {error.strerror}: {error.filename or path}") from None
    if manifest is None:
        raise damaged(path, "its end is missing")
    wrong = sorted(name for name in found.keys() | manifest.files.keys() if found.get(name) != manifest.files.get(name))
    if wrong:
        raise damaged(path, f"{wrong[0]} is not what was put into it")
    return manifest


def damaged(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(f"{path} is no whole backup: {reason}; take an older one, or copy it here again")


class _Unpacking:
    """Reads what is packed in a file, and knows whether its end and its checksum were there."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._unpacker = zstandard.ZstdDecompressor().decompressobj()
        self._data = b""

    def read(self, count: int) -> bytes:
        while len(self._data) < count and not self._unpacker.eof and (packed := self._file.read(_PACKED)):
            self._data += self._unpacker.decompress(packed)
        data, self._data = self._data[:count], self._data[count:]
        return data

    def finish(self) -> None:
        """Read on to the end.

        :raises EOFError: it is not there, or not the end.
        """
        while self.read(_PIECE):
            pass
        if not self._unpacker.eof or self._unpacker.unused_data or self._file.read(1):
            raise EOFError("its end is missing")


def _unpack(packed: _Unpacking, into: Path) -> tuple[dict[str, Entry], Manifest | None]:
    found: dict[str, Entry] = {}
    links: list[tuple[Path, str]] = []
    modes: list[tuple[Path, int]] = []
    manifest = None
    with tarfile.open(fileobj=packed, mode="r|") as tar:  # type: ignore[call-overload]  # all that tarfile uses
        for member in tar:
            if member.name == _MANIFEST and member.isreg() and member.size <= _LONGEST_MANIFEST:
                manifest = Manifest.model_validate_json(_content(tar, member).read())
                continue
            target = into / _inside(member.name)
            target.parent.mkdir(parents=True, exist_ok=True)
            if member.isdir():
                target.mkdir(exist_ok=True)
                modes.append((target, member.mode))
            elif member.issym():
                links.append((target, member.linkname))
            elif member.isreg():
                found[member.name] = _copy(_content(tar, member), target)
                target.chmod(member.mode & 0o777)
            else:
                raise ValueError(f"{member.name!r} is of a kind that no backup has")
    # Last: nothing is written through a link, or into a directory that may not be written.
    for link, to in links:
        link.symlink_to(to)
    for directory, mode in reversed(modes):
        directory.chmod(mode & 0o777)
    return found, manifest


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or path.parts[0] not in _TOP:
        raise ValueError(f"{name!r} is no name that a backup has")
    return path


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    assert file
    return file


def _copy(source: IO[bytes], target: Path) -> Entry:
    digest, size = hashlib.sha256(), 0
    with target.open("xb") as file:
        while data := source.read(_PIECE):
            file.write(data)
            digest.update(data)
            size += len(data)
        file.flush()
        os.fsync(file.fileno())
    return Entry(size=size, sha256=digest.hexdigest())


def _children(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []
