"""What an exception of a peer means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: What pycapnp puts before what a peer said.
_REMOTE = "remote exception: "
#: The longest text of a peer that is handed on.
_LONGEST = 2000


class Kind(StrEnum):
    """What can be done about it."""

    #: The build itself failed, or was cancelled by somebody at the cluster.
    BUILD = "build"
    #: The scheduler knows no such pool.
    POOL = "pool"
    #: The capability is worth nothing, or another server answers.
    REFUSED = "refused"
    #: The worker is gone; the scheduler is not.
    WORKER = "worker"
    #: The connection is gone.
    CONNECTION = "connection"
    #: The scheduler cannot do it.
    SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Failure(Exception):  # noqa: N818  a value first: it crosses the pipe
    """Why a job, or a question, came to nothing."""

    kind: Kind
    text: str


def of(type_: str, description: str) -> Failure:
    """Understand an exception by its type and text, as the real scheduler words them.

    Of `DISCONNECTED` the caller has to find out whether it is the worker's connection to the scheduler or ours.
    """
    text = description.removeprefix(_REMOTE).strip()[:_LONGEST]
    if type_.upper() == "DISCONNECTED":
        return Failure(Kind.WORKER, text)
    if text.startswith("Pool ID "):
        return Failure(Kind.POOL, text)
    if text in ("Unknown persistent service ID", "Access has been revoked"):
        return Failure(Kind.REFUSED, text)
    if text == "Internal error" or type_.upper() in ("OVERLOADED", "UNIMPLEMENTED"):
        return Failure(Kind.SCHEDULER, text)
    return Failure(Kind.BUILD, text)
