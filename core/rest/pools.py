"""Where builds run."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from core.queries import pools

router = Router(tags=["pools"])


class OwnPoolOut(Schema):
    """Our builds in one place; `capacity` is how many run there at once, null where nobody set a limit."""

    name: str
    running: int
    queued: int
    capacity: int | None


class WorkerOut(Schema):
    """A machine that builds: `active`, `paused` or `disconnected`; `running` counts others' builds too."""

    name: str
    state: str
    running: int | None


class PoolOut(Schema):
    """Machines that build, as whoever looks after them tells it, with others' builds too."""

    name: str
    capacity: int
    running: int
    queued: int
    workers: list[WorkerOut]


class BuildersPoolsOut(Schema):
    """What a builder told last of its machines; `error` says why nothing newer is known."""

    builder: str
    pools: list[PoolOut]
    error: str
    at: datetime


class PoolsOut(Schema):
    """Where our builds are, and what the builders tell of their machines."""

    own: list[OwnPoolOut]
    told: list[BuildersPoolsOut]


@router.get("", response=PoolsOut, summary="Where builds run and wait")
def found(request: HttpRequest) -> dict[str, object]:
    return {"own": pools.own(), "told": pools.told()}
