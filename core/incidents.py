"""What plugins did wrong, gathered in this process until it is written down (`core.services.incidents`)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

#: Different incidents that are kept until they are written down; what goes beyond is dropped.
_MOST = 500
_LONGEST = 500


class IncidentKind(StrEnum):
    """How a plugin was in others' way: it raised what it may not, did not answer, or held up the runner's event loop."""

    RAISED = "raised"
    HUNG = "hung"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Incident:
    """
    :param where: a hook, an operation, or a place in the plugin's code.
    """

    plugin: str
    kind: IncidentKind
    where: str
    detail: str


_lock = threading.Lock()
_noted: dict[Incident, int] = {}


def note(plugin: str, kind: IncidentKind, where: str, detail: str) -> None:
    """Remember that something went wrong. Quick, from any thread; the same again is counted."""
    incident = Incident(plugin, kind, where[:_LONGEST], detail.replace("\0", "␀")[:_LONGEST])
    with _lock:
        if incident in _noted or len(_noted) < _MOST:
            _noted[incident] = _noted.get(incident, 0) + 1


def take() -> Mapping[Incident, int]:
    """What was noted since the last time, and how often."""
    global _noted
    with _lock:
        taken, _noted = _noted, {}
    return taken


def give_back(taken: Mapping[Incident, int]) -> None:
    """Keep what could not be written down for the next time."""
    with _lock:
        for incident, count in taken.items():
            _noted[incident] = _noted.get(incident, 0) + count
