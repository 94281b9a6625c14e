"""Removing the images of a service that nobody will go back to, from the host that it was deployed by."""

from __future__ import annotations

from containers.engine import Engine, EngineRefused, connect
from containers.names import ImageName, digest_in
from core.api import Context, DeployRequest, OperationError


async def tidy(request: DeployRequest, context: Context) -> None:
    """Remove what the release's image name had before, but what runs, ran before, or is kept for going back.

    That it fails is no fault of the deployment's.
    """
    kept = {each.digest for each in (request.release, request.previous, *request.kept) if each}
    name = ImageName.parse(request.release.image).name
    try:
        removed = await _remove(request.service.host, name, kept)
    except OperationError as error:
        context.log.note(f"housekeeping failed: {error}")
        return
    if removed:
        context.log.note(
            f"housekeeping removed {removed} image{'s' * (removed != 1)} of {name} that nobody can go back to"
        )


async def _remove(host: str, name: str, kept: set[str]) -> int:
    removed = 0
    async with connect(host) as engine:
        images = await engine.ask("/images/json", filters={"reference": [name]}) or []
        for reference in [reference for image in images for reference in image.get("RepoDigests") or []]:
            if reference.partition("@")[0] == name and digest_in(reference) not in kept:
                removed += await _remove_one(engine, reference)
    return removed


async def _remove_one(engine: Engine, reference: str) -> bool:
    try:
        await engine.do("DELETE", f"/images/{reference}")
    except EngineRefused as error:
        if error.status in (404, 409):
            # Gone already, or a container uses it.
            return False
        raise
    return True
