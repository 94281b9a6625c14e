"""Images, pulled by the engine itself before anything is changed: a project is never stopped for one that is not there."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Any

from containers.credentials import credentials_for, how_to_give
from containers.engine import Engine, EngineRefused
from containers.names import ImageName
from core.api import Log, OperationError, Stalled

#: What registries say of an image that they do not have, or not for us.
_DENIED = re.compile(r"unauthorized|denied|no basic auth credentials|authentication required", re.IGNORECASE)
_GONE = re.compile(r"manifest unknown|not found|no matching manifest|does not exist", re.IGNORECASE)


async def has(engine: Engine, reference: str) -> bool:
    """Whether the engine has an image.

    :raises OperationError: nobody can tell.
    """
    return await engine.ask(f"/images/{reference}/json") is not None


async def pull(engine: Engine, reference: str, log: Log) -> None:
    """Have the engine pull an image, its progress into the log.

    :raises Stalled: it is not there, or not for us.
    :raises OperationError: the registry or the engine does not answer.
    """
    image = ImageName.parse(reference)
    log.note(f"pulling {reference}")
    params = {"fromImage": image.name, "tag": image.reference}
    headers = await _headers(image.registry, log)
    try:
        async for message in engine.lines("POST", "/images/create", params=params, headers=headers):
            if line := _line(message):
                log.write(line.encode() + b"\n")
    except EngineRefused as error:
        raise _refusal(reference, image.registry, error) from None


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


def _refusal(reference: str, registry: str, error: EngineRefused) -> OperationError:
    if _DENIED.search(error.message):
        return Stalled(f"{reference} cannot be pulled: {error.message}; {how_to_give(registry)}")
    if error.status == 404 or _GONE.search(error.message):
        return Stalled(f"{reference} cannot be pulled: {error.message}")
    return OperationError(f"{reference} cannot be pulled: {error.message}")
