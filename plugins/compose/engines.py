"""Asking an engine about a project's containers: the one place where this plugin talks to engines, but for pulls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection

from containers.engine import Engine
from core.api import OperationError
from plugins.compose import standing
from plugins.compose.standing import Container, Standing

#: Lines of a container's output that are shown when it fails.
LAST_LINES = 30


async def look(engine: Engine, project: str) -> Standing:
    """See what the project's containers do, one-off ones (`compose run`) left out.

    :raises OperationError: the engine does not answer.
    """
    labels = {"label": [f"{standing.PROJECT_LABEL}={project}"]}
    listed = await engine.ask("/containers/json", all=True, filters=labels) or []
    ids = [each["Id"] for each in listed if (each.get("Labels") or {}).get(standing.ONEOFF_LABEL) != "True"]
    seen = await asyncio.gather(*(_container(engine, each) for each in ids))
    return Standing(tuple(sorted(filter(None, seen), key=lambda each: each.name)))


async def _container(engine: Engine, container: str) -> Container | None:
    told = await engine.ask(f"/containers/{container}/json")
    if told is None:  # it went between the two questions
        return None
    seen = standing.read(told)
    if seen.digest:
        return seen
    image = await engine.ask(f"/images/{told['Image']}/json") or {}
    return standing.read(told, image.get("RepoDigests") or ())


async def last_lines(engine: Engine, container: Container) -> bytes:
    """The last lines that a container printed; nothing where its engine does not keep them."""
    params = {"stdout": True, "stderr": True, "tail": str(LAST_LINES)}
    try:
        raw = await engine.raw(f"/containers/{container.id}/logs", params=params)
    except OperationError:
        return b""
    return demultiplexed(raw)


def demultiplexed(raw: bytes) -> bytes:
    """What was printed, without the engine's frames (Docker Engine API, "Stream format"); a terminal's has none."""
    if len(raw) < 8:
        return raw
    printed, at = b"", 0
    while at + 8 <= len(raw):
        if raw[at] > 2 or raw[at + 1 : at + 4] != bytes(3):
            return raw
        end = at + 8 + int.from_bytes(raw[at + 4 : at + 8])
        printed += raw[at + 8 : end]
        at = end
    return printed


async def start_afresh(engine: Engine, container: Container) -> None:
    """Restart a container.

    :raises OperationError: the engine does not.
    """
    await engine.do("POST", f"/containers/{container.id}/restart")


async def stop(engine: Engine, containers: Collection[Container]) -> None:
    """Stop containers and leave them there, with what they printed. Whether they have is to be looked at afterwards."""

    async def stop_one(container: Container) -> None:
        with contextlib.suppress(OperationError):  # it went by itself, or needs longer than a question may take
            await engine.do("POST", f"/containers/{container.id}/stop")

    await asyncio.gather(*map(stop_one, containers))
