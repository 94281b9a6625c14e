"""Whose code it is: the plugin that a thread is in, or that raised an error."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import FrameType

from core import incidents
from core.incidents import IncidentKind
from core.plugins import plugins


def of_stack(frame: FrameType | None) -> tuple[str, str] | None:
    """The plugin whose code a thread is in, and the innermost place of it there; None where it is in none."""
    return _first(
        (each.f_code.co_filename, line, each.f_code.co_name)
        for each, line in (traceback.walk_stack(frame) if frame else ())
    )


def of_error(error: BaseException) -> tuple[str, str] | None:
    """The plugin whose code raised an error, and where; None where it was the core's own."""
    frames = reversed(list(traceback.walk_tb(error.__traceback__)))
    return _first((each.f_code.co_filename, line, each.f_code.co_name) for each, line in frames)


def note(error: BaseException) -> None:
    """Remember against its plugin that it raised what it should not."""
    if found := of_error(error):
        plugin, where = found
        incidents.note(plugin, IncidentKind.RAISED, where, f"{type(error).__name__}: {error}")


def _first(places: Iterable[tuple[str, int | None, str]]) -> tuple[str, str] | None:
    for path, line, function in places:
        for name, package in plugins.modules.items():
            home = _home(package)
            if home and path.startswith(home):
                return name, f"{path.removeprefix(home)}:{line or 0} in {function}"
    return None


@lru_cache(maxsize=1000)
def _home(package: str) -> str:
    file = import_module(package).__file__
    return f"{Path(file).parent}{os.sep}" if file else ""
