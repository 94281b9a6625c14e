"""Telling what will pass from what will not, in the words of engines and registries. Pure."""

from __future__ import annotations

import re

from containers.credentials import how_to_give
from containers.engine import EngineRefused
from containers.names import ImageName
from core.api import OperationError, Stalled, Waiting

#: What engines and registries say when nothing is wrong with the commit, and how to say it to people.
_PASSING = (
    (r"toomanyrequests|429 Too Many Requests|HTTP 429 ", "a registry asks to be asked less often"),
    (r"no space left on device", "the disk of the engine is full"),
    (r"Cannot connect to the Docker daemon|error during connect|transport is closing", "the engine went away"),
    (r"connection error|code = Unavailable|error reading from server|context canceled$|EOF$", "the engine went away"),
    (r"TLS handshake timeout|i/o timeout|connection reset by peer|connection refused", "the network or a registry failed"),
    (r"50[0234] (Internal Server Error|Bad Gateway|Service Unavailable|Gateway Time-?out)", "a registry failed"),
)  # fmt: skip
#: What they say of who may not.
_DENIED = ("denied", "unauthorized", "no basic auth credentials", "authentication required", "forbidden")
#: What they say of what is not there.
_GONE = ("manifest unknown", "not found", "name unknown", "does not exist")
#: Seconds until a registry that could not is asked again.
_RETRY = 30


def passing(line: str) -> str:
    """Why something that ended with these words may succeed next time; empty where it will not."""
    return next((reason for pattern, reason in _PASSING if re.search(pattern, line)), "")


def of_transfer(error: EngineRefused, image: ImageName, verb: str) -> OperationError:
    """What an engine's words mean when it could not push or pull an image.

    :param verb: `push` or `pull`.
    """
    said = error.message.lower()
    if passing(error.message) or re.search(r"http (status: )?5\d\d ", said):
        return Waiting(f"{image.registry} cannot be used to {verb} {image} now: {error.message}", retry_in=_RETRY)
    if any(word in said for word in _DENIED):
        how = how_to_give(image.registry)
        return Stalled(f"{image.registry} does not let us {verb} {image} ({error.message}): {how}")
    if verb == "pull" and any(word in said for word in _GONE):
        return Stalled(f"{image} is not in its registry any more ({error.message}): build its commit again")
    return OperationError(f"{image}: the {verb} failed: {error}")
