"""The processes of the deployer, on all hosts. For those who work with it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router, Schema

from core import clock
from core.engine import schedules
from core.models import Runner
from core.queries import access, processes
from core.rest.settings import ScheduleOut
from core.rest.values import Reason, ReasonNeeded, signed_in
from core.services import runners

router = Router(tags=["processes"])


class InHandOut(Schema):
    """A job that a runner has in hand, and since when."""

    id: int
    title: str
    since: datetime | None


class DrainOut(Schema):
    """Somebody asked a runner to take nothing more; `ends`: it ends when it has nothing in hand."""

    by: str
    at: datetime
    reason: str
    ends: bool


class ProcessOut(Schema):
    """A process. `kind` is `web`, `runner` or `qcluster`; `id` is among those of its kind.

    `condition` is `alive`, `late`, `gone`, `draining` or `drained`; without a sign it counts as gone from `lease_until`
    on. `migration` is the newest that it knows; `older`: another process is of a newer version. `memory` is in
    bytes, `loop_delay` and `clock` (ahead of the database's) in seconds; null where it does not tell.
    """

    id: int
    kind: str
    name: str
    host: str
    process: int
    version: str
    migration: int | None
    older: bool
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    condition: str
    jobs: list[InHandOut]
    drain: DrainOut | None
    memory: int | None
    loop_delay: float | None
    clock: float | None
    address: str
    followers: int | None
    flavour: str
    repository: str
    without: list[str]
    concurrency: int | None


class ProcessesOut(Schema):
    """All processes; `upgrade` says so where several versions run. The schedules are what a qcluster has in hand."""

    newest: str
    upgrade: str
    processes: list[ProcessOut]
    schedules: list[ScheduleOut]


class DrainAsked(ReasonNeeded):
    """Why a runner is to take nothing more, and whether it is to end then."""

    ends: bool = False


@router.get("", response=ProcessesOut, summary="Every process, what it has in hand, and whether it is alive")
def found(request: HttpRequest) -> dict[str, Any]:
    access.require_works(request.user)
    return _told()


@router.post(
    "/runners/{int:id}/drain", response=ProcessesOut, auth=signed_in, summary="Have a runner take nothing more"
)
def drain(request: HttpRequest, id: int, body: DrainAsked) -> dict[str, Any]:
    row = _runner(request, id)
    assert isinstance(request.user, User)
    runners.drain(row, request.user, reason=body.reason, ends=body.ends)
    return _told()


@router.post(
    "/runners/{int:id}/undrain", response=ProcessesOut, auth=signed_in, summary="Have a runner take jobs again"
)
def undrain(request: HttpRequest, id: int, body: Reason) -> dict[str, Any]:
    row = _runner(request, id)
    assert isinstance(request.user, User)
    runners.undrain(row, request.user, reason=body.reason)
    return _told()


def _runner(request: HttpRequest, id: int) -> Runner:
    row = Runner.objects.get(pk=id)
    if not processes.shows(row):
        raise Runner.DoesNotExist
    access.require_run(request.user, str(row.told.get("flavour") or ""))
    return row


def _told() -> dict[str, Any]:
    now = clock.now()
    told = processes.found(now)
    rows = [asdict(each) for each in told.processes]
    planned = [asdict(each) for each in schedules.planned(now)]
    return {"newest": told.newest, "upgrade": told.upgrade, "processes": rows, "schedules": planned}
