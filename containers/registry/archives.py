"""Archives of layers: tar, plain or compressed by gzip or zstd, read from a file in one go and never trusted."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from core.api import Stalled

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
#: Bytes of the memory that reading zstd may take: what its own program allows without being told.
_ZSTD_WINDOW = 1 << 27
#: Bytes of the longest header (a long name, extended attributes) that is taken into memory.
_LONGEST_HEADER = 1 << 20
#: Bytes that one layer may have unpacked.
_LARGEST = 64 << 30
_LONG_HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


@contextmanager
def opened(path: Path, name: str, check: Callable[[], None]) -> Iterator[tarfile.TarFile]:
    """Open an archive, to be read from its beginning to its end.

    :param name: what to call it when something is wrong with it.
    :param check: called now and then; what it raises ends the reading.
    :raises Stalled: it is damaged, or unpacks to more than a layer may have.
    """
    try:
        with path.open("rb") as file, _unpacked(file) as stream:
            watched = cast(Any, _Watched(stream, name, check))
            with tarfile.open(fileobj=watched, mode="r|", tarinfo=_Header, bufsize=1 << 18) as archive:
                yield archive
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError, ValueError) as error:
        raise Stalled(f"{name} is damaged: {error}") from None


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    beginning = file.read(4)
    file.seek(0)
    if beginning.startswith(_GZIP):
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if beginning == _ZSTD:
        reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        return cast(
            IO[bytes], io.BufferedReader(cast(io.RawIOBase, reader.stream_reader(file, read_across_frames=True)))
        )
    return file


class _Watched:
    """Counts what is read, so that little cannot unpack to more than a disk holds."""

    def __init__(self, stream: IO[bytes], name: str, check: Callable[[], None]) -> None:
        self._stream, self._name, self._check, self._left = stream, name, check, _LARGEST

    def read(self, size: int) -> bytes:
        self._check()
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Stalled(f"{self._name} unpacks to more than {_LARGEST:,} bytes")
        return data


class _Header(tarfile.TarInfo):
    """Refuses a header that would fill the memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _LONG_HEADERS and header.size > _LONGEST_HEADER:
            # No error of the module's own: after those the rest of an archive is passed over as if it had ended.
            raise ValueError(f"it has a header of {header.size:,} bytes")
        return header
