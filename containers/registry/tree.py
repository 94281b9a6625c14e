"""The files of an image, found through its layers from the top down. Pure, but for the layers that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from containers.registry.layers import Entry, Kind, Layer, clean
from core.api import Stalled

#: Links on the way to one file; what Linux allows (path_resolution(7)).
_LINKS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the number of its layer: 0 is the top."""

    layer: int
    entry: Entry


class Tree:
    """An image's files.

    :param name: of the image, for what is said of it.
    :param layer: reads a layer by its number, the top is 0; asked again and again, and for no more layers than needed.
    :param count: how many layers there are.
    """

    def __init__(self, name: str, layer: Callable[[int], Layer], count: int) -> None:
        self._name = name
        self._layer = layer
        self._count = count

    def file(self, path: str) -> Found:
        """Find a regular file; links are followed, and never lead out of the image.

        :param path: from the root of the image, with or without a `/` before it.
        :raises Stalled: there is none.
        """
        left, place, links = path.split("/"), "", 0
        while left:
            word = left.pop(0)
            if word in ("", "."):
                continue
            if word == "..":
                place = place.rpartition("/")[0]
                continue
            here = f"{place}/{word}".lstrip("/")
            found = self._at(here)
            kind = found.entry.kind if found else None
            if found and kind == Kind.FILE and not left:
                return found
            if found and kind == Kind.LINK:
                links += 1
                if links > _LINKS:
                    raise Stalled(f"{self._name} has {path} as a link that leads to too many others")
                place = "" if found.entry.target.startswith("/") else place
                left = found.entry.target.split("/") + left
            elif kind == Kind.DIRECTORY:
                place = here
            else:
                why = f"there is no {here}" if kind is None else f"{here} is none"
                raise Stalled(f"{self._name} has no file {path}: {why}")
        raise Stalled(f"{self._name} has no file {path}: it is a directory")

    def files(self, directory: str) -> list[str]:
        """The names of what is in a directory and is no directory itself, sorted; links are not followed to it.

        :param directory: from the root of the image; the empty string is the root.
        """
        place = clean(directory)
        names = {
            path.rpartition("/")[2]
            for number in range(self._count)
            for path in self._layer(number).entries
            if path and path.rpartition("/")[0] == place
        }
        found = {name: self._at(f"{place}/{name}".lstrip("/")) for name in names}
        return sorted(name for name, each in found.items() if each and each.entry.kind != Kind.DIRECTORY)

    def _at(self, path: str, top: int = 0) -> Found | None:
        """What the layers from a number downwards have at a path, without following links."""
        for number in range(top, self._count):
            layer = self._layer(number)
            entry = layer.entries.get(path)
            if entry and entry.kind == Kind.HARD_LINK:
                return self._at(entry.target, number + 1)
            if entry:
                return Found(number, entry)
            if layer.hides(path):
                return None
        return None
