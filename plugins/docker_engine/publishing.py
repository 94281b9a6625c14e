"""From images on engines to one index in a registry: what a release is."""

from __future__ import annotations

import asyncio

from containers import faults
from containers.annotations import of_release
from containers.credentials import credentials_for
from containers.engine import Engine, EngineRefused, connect
from containers.names import ImageName
from containers.registry import write_index
from core.api import Context, OperationError, PublishRequest, Stalled
from plugins.docker_engine import commands


async def publish(request: PublishRequest, context: Context) -> str:
    """Push every platform's image, and put one index under the release's name; answer the index's digest.

    :raises Stalled: an image is gone, or the registry does not let us.
    :raises Waiting: the registry cannot now.
    """
    name = ImageName.parse(request.image)
    pushed: dict[str, str] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for platform, artifact in request.artifacts.items():
                group.create_task(_push(name, platform, artifact, pushed, context))
    except ExceptionGroup as failures:
        # One is enough to know: with one platform missing there is no release.
        raise failures.exceptions[0] from None
    digest = await write_index(name, pushed, of_release(request))
    context.log.note(f"{name} is {digest}, for {', '.join(sorted(pushed))}")
    return digest


async def _push(name: ImageName, platform: str, artifact: str, pushed: dict[str, str], context: Context) -> None:
    image_id, host = commands.parse_artifact(artifact)
    tagged = name.tagged(commands.platform_tag(name.tag, platform))
    async with connect(host) as engine:
        if not await engine.ask(f"/images/{image_id}/json"):
            raise Stalled(f"{engine.where} does not have the image for {platform} any more: run its build again")
        await engine.do("POST", f"/images/{image_id}/tag", params={"repo": tagged.name, "tag": tagged.tag})
        context.log.note(f"pushing {tagged} from {engine.where}")
        try:
            pushed[platform] = await _stream(engine, tagged, context)
        except EngineRefused as error:
            raise faults.of_transfer(error, tagged, "push") from None
    context.log.note(f"{platform} is {pushed[platform]}")


async def _stream(engine: Engine, tagged: ImageName, context: Context) -> str:
    """Push, the progress of each layer into the log; answer the digest, which is the push's own and no tag's."""
    known = credentials_for(tagged.registry)
    # An engine refuses a push without the header, even to a registry that asks for nothing.
    headers = {"X-Registry-Auth": known.header() if known else "e30="}
    digest = ""
    async for line in engine.lines("POST", f"/images/{tagged.name}/push", params={"tag": tagged.tag}, headers=headers):
        aux = line.get("aux") or {}
        digest = aux.get("Digest") or digest
        if line.get("id") and "progress" not in line and line.get("status") not in ("Preparing", "Waiting"):
            context.log.write(f"{line['id']}: {line.get('status')}\n".encode())
    if not digest:
        raise OperationError(f"{engine.where} ended the push of {tagged} without telling a digest")
    return digest
