"""What the packages that are installed offer by entry points."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points


def offered(group: str) -> Sequence[EntryPoint]:
    """The entry points of a group in the order of their names, which two packages may both use."""
    return _on_path(group, tuple(sys.path))


@lru_cache(maxsize=4)
def _on_path(group: str, path: tuple[str, ...]) -> Sequence[EntryPoint]:
    # Each start asks a dozen times, and the files of all packages are read for it.
    return sorted(entry_points(group=group), key=lambda entry: entry.name)
