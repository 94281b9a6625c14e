"""One layer of an image: what its archive puts there, and what it takes away from the layers below. Pure.

By the OCI image specification, section Filesystem Layer Changeset: an entry replaces what the layers below have at its path
(directories are merged), `.wh.name` removes `name` of the layers below, and `.wh..wh..opq` all that they have in its
directory. Directories that an entry lies in are there without being listed.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
#: What older storage drivers kept for themselves begins so, and is no part of the image.
_OWN = ".wh..wh."


class Kind(Enum):
    FILE = auto()
    DIRECTORY = auto()
    LINK = auto()
    #: Another name for a file of the layers below.
    HARD_LINK = auto()
    #: A device, a pipe.
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Entry:
    """What is at a path.

    :param target: of a link as it is written; of a hard link, the path in the layers below.
    :param member: of a file: which member of the archive holds its content, counted from 0.
    :param size: of a file, in bytes.
    """

    kind: Kind
    target: str = ""
    member: int = -1
    size: int = 0
    executable: bool = False


_DIRECTORY = Entry(Kind.DIRECTORY)


@dataclass(slots=True)
class Layer:
    """What a layer does. Paths have no `/` before or after them; the root is the empty string.

    :param removed: paths that the layers below no longer have.
    :param opaque: directories of which the layers below no longer have anything.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    opaque: set[str] = field(default_factory=set)

    def hides(self, path: str) -> bool:
        """Tell whether what the layers below have at a path is hidden by this one, which has nothing there itself."""
        return path in self.removed or any(
            above in self.removed or above in self.opaque or self.entries.get(above, _DIRECTORY).kind != Kind.DIRECTORY
            for above in ancestors(path)
        )

    def put(self, path: str, entry: Entry) -> None:
        """Put an entry, as unpacking the archive would: over what it has had at that path so far."""
        for above in ancestors(path):
            self._put(above, _DIRECTORY)
        self._put(path, entry)

    def _put(self, path: str, entry: Entry) -> None:
        before = self.entries.get(path)
        if before and before.kind == Kind.DIRECTORY != entry.kind:
            for inside in [each for each in self.entries if path in ancestors(each)]:
                del self.entries[inside]
        if before and before.kind != Kind.DIRECTORY == entry.kind:
            # What was here in between has taken the directory of the layers below away.
            self.opaque.add(path)
        self.entries[path] = entry


def ancestors(path: str) -> Iterator[str]:
    """The directories that a path lies in, the nearest first; the root is the last."""
    while path:
        path = posixpath.dirname(path)
        yield path


def clean(path: str) -> str:
    """A path as it is known here; `..` does not lead out of the root."""
    return posixpath.normpath("/" + path.lstrip("/")).lstrip("/")


def scan(members: Iterable[tarfile.TarInfo]) -> Layer:
    """Read what a layer does from the members of its archive."""
    layer = Layer()
    for number, member in enumerate(members):
        path = clean(member.name)
        directory, name = posixpath.split(path)
        if name == _OPAQUE:
            layer.opaque.add(directory)
        elif name.startswith(_WHITEOUT):
            if not name.startswith(_OWN):
                layer.removed.add(posixpath.join(directory, name.removeprefix(_WHITEOUT)))
        else:
            layer.put(path, _entry(layer, member, number))
    return layer


def _entry(layer: Layer, member: tarfile.TarInfo, number: int) -> Entry:
    if member.isdir():
        return _DIRECTORY
    if member.issym():
        return Entry(Kind.LINK, target=member.linkname)
    if member.isreg():
        return Entry(Kind.FILE, member=number, size=member.size, executable=bool(member.mode & 0o100))
    if member.islnk():
        target = clean(member.linkname)
        here = layer.entries.get(target)
        return replace(here) if here and here.kind != Kind.DIRECTORY else Entry(Kind.HARD_LINK, target=target)
    return Entry(Kind.OTHER)
