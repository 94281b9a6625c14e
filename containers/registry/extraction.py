"""A file out of an image, without an engine."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tarfile import TarFile
from threading import Event

import requests

from containers.names import ImageName
from containers.registry import threads
from containers.registry.archives import opened
from containers.registry.connection import Connection, connected
from containers.registry.layers import Layer, scan
from containers.registry.manifests import Descriptor
from containers.registry.reading import manifest_for
from containers.registry.tree import Found, Tree
from core.api import OperationError, Stalled

#: Bytes of the largest layer, as it is packed, that is fetched.
_LARGEST_LAYER = 8 << 30


def read_file(name: ImageName, path: str, target: Path, platform: str, limit: int, stop: Event) -> None:
    """Take a file out of an image. See the package."""
    with connected(name) as registry, _scratch(target) as scratch:
        threads.check(stop)
        layers = manifest_for(registry, name, platform).layers[::-1]
        image = _Layers(registry, name, layers, scratch, stop)
        found = Tree(str(name), image.layer, len(layers)).file(path)
        if found.entry.size > limit:
            raise Stalled(f"{name} has {path} with {found.entry.size:,} bytes, which is more than {limit:,}")
        image.extract(found, scratch / "file")
        (scratch / "file").replace(target)


def list_files(name: ImageName, directory: str, platform: str, stop: Event) -> list[str]:
    """Name the files of a directory of an image. See the package."""
    with connected(name) as registry, tempfile.TemporaryDirectory(prefix="image-") as scratch:
        layers = manifest_for(registry, name, platform).layers[::-1]
        image = _Layers(registry, name, layers, Path(scratch), stop)
        return Tree(str(name), image.layer, len(layers)).files(directory)


class _Layers:
    """An image's layers, each fetched when it is first asked for. The top is number 0."""

    def __init__(
        self, registry: Connection, name: ImageName, layers: list[Descriptor], scratch: Path, stop: Event
    ) -> None:
        self._registry, self._name, self._descriptors = registry, name, layers
        self._scratch, self._stop = scratch, stop
        self._known: dict[int, Layer] = {}

    def layer(self, number: int) -> Layer:
        if number not in self._known:
            self._fetch(number)
            with self._opened(number) as archive:
                self._known[number] = scan(archive)
        return self._known[number]

    def extract(self, found: Found, target: Path) -> None:
        """Write a file's content, and see that it is on the disk."""
        with self._opened(found.layer) as archive:
            member = next(each for number, each in enumerate(archive) if number == found.entry.member)
            content = archive.extractfile(member)
            assert content is not None, "it was a regular file when the archive was scanned"
            with target.open("xb") as file:
                shutil.copyfileobj(content, file, 1 << 18)
                os.fchmod(file.fileno(), 0o755 if found.entry.executable else 0o644)
                file.flush()
                os.fsync(file.fileno())

    def _fetch(self, number: int) -> None:
        wanted = self._descriptors[number]
        if wanted.size > _LARGEST_LAYER:
            raise Stalled(f"{self._name} has a layer of {wanted.size:,} bytes, which is more than {_LARGEST_LAYER:,}")
        with self._path(number).open("xb") as file:
            self._registry.blob(wanted, file, self._stop)

    def _path(self, number: int) -> Path:
        return self._scratch / f"layer-{number}"

    def _opened(self, number: int) -> AbstractContextManager[TarFile]:
        name = f"layer {self._descriptors[number].digest} of {self._name}"
        return opened(self._path(number), name, lambda: threads.check(self._stop))


@contextmanager
def _scratch(target: Path) -> Iterator[Path]:
    """A directory beside a file that is to be, so that the file can be put in its place at once.

    :raises OperationError: the disk is full, or does not let us write.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=".image-", dir=target.parent) as scratch:
            yield Path(scratch)
    except requests.RequestException:  # a kind of OSError, and not ours to tell
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OperationError(f"the disk that {target} is on is full: make room there") from None
        raise OperationError(f"{target} cannot be written: {error.strerror or error}") from None
