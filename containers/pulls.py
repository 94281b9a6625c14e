"""Having an engine pull an image."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from containers import faults
from containers.credentials import credentials_for
from containers.engine import Engine, EngineRefused
from containers.names import ImageName
from core.api import Log


async def has(engine: Engine, image: ImageName) -> bool:
    """Whether an engine has an image.

    :raises OperationError: nobody can tell.
    """
    return await engine.ask(f"/images/{_exactly(image)}/json") is not None


async def pull(engine: Engine, image: ImageName, log: Log) -> None:
    """Have an engine pull an image by digest or tag, the progress into the log.

    :raises Stalled: it is not there, or we may not.
    :raises Waiting: the registry cannot now.
    """
    log.note(f"pulling {image} on {engine.where}")
    params = {"fromImage": image.name, "tag": image.reference}
    headers = await _headers(image.registry, log)
    try:
        async for message in engine.lines("POST", "/images/create", params=params, headers=headers):
            if line := _line(message):
                log.write(line.encode() + b"\n")
    except EngineRefused as error:
        raise faults.of_transfer(error, image, "pull") from None


def _exactly(image: ImageName) -> ImageName:
    """An engine finds an image by name and digest, or by name and tag; not by all three."""
    return (
        ImageName(registry=image.registry, repository=image.repository, digest=image.digest) if image.digest else image
    )


async def _headers(registry: str, log: Log) -> Mapping[str, str]:
    # A credential helper is a program, which may take its time.
    credentials = await asyncio.to_thread(credentials_for, registry)
    if not credentials:
        return {}
    for secret in filter(None, (credentials.password, credentials.token)):
        log.redact(secret)
    return {"X-Registry-Auth": credentials.header()}


def _line(message: Mapping[str, Any]) -> str:
    """A message of the stream as a line; nothing for the steps of a progress bar."""
    if message.get("progress") or message.get("progressDetail"):
        return ""
    layer = f"{message['id']}: " if message.get("id") else ""
    return f"{layer}{message.get('status', '')}".strip()
