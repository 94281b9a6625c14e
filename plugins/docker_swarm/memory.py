"""What this host remembers of a move that it began, for the attempt after one that was killed.

The swarm forgets: tasks that ended are removed after a few others, and nothing of a service says what it was rolled back
from. Without this memory, on another host, the tasks that are left have to tell.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from plugins.docker_swarm.client import SwarmService


class Memory:
    """The newest move of a service that this host began.

    :param data: the plugin's directory.
    """

    def __init__(self, data: Path) -> None:
        self._directory = data / "moves"

    def begin(self, service: SwarmService, digest: str) -> None:
        """Remember that a service is about to be told to run this digest, and which update was its latest then."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._path(service)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"digest": digest, "update": service.started_at.isoformat()}))
        part.replace(path)

    def forget(self, service: SwarmService) -> None:
        self._path(service).unlink(missing_ok=True)

    def began(self, service: SwarmService, digest: str) -> bool | None:
        """Whether an update of the service has begun since it was to be told to run this digest; None: not remembered."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._path(service).read_text())
            if kept["digest"] == digest:
                return bool(kept["update"] != service.started_at.isoformat())
        return None

    def _path(self, service: SwarmService) -> Path:
        # The swarm's own ids are letters and digits.
        return self._directory / f"{service.id}.json"
