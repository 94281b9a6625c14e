"""How the deployer is run."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from core import clock
from core.engine import schedules
from core.models import LogRule, PluginFact
from core.queries import access, housekeeping, installation
from core.rest.values import admin_everywhere, signed_in
from core.services import tidyings
from core.versions import VERSION

router = Router(tags=["settings"])


class ScheduleOut(Schema):
    """Something that is done at regular times; `last` is null where nobody remembers."""

    name: str
    often: str
    last: datetime | None
    next: datetime
    off: bool
    late: bool


class RunnerOut(Schema):
    """A runner process, and how many jobs it has in hand; `alive`: it gave a sign within a lease."""

    name: str
    host: str
    version: str
    started_at: datetime
    heartbeat_at: datetime
    alive: bool
    jobs: int


class FactOut(Schema):
    """What a plugin told last of itself, such as what is left of a rate limit, also in `numbers`."""

    plugin: str
    label: str
    text: str
    warning: bool
    numbers: dict[str, float]
    at: datetime


class PolicyOut(Schema):
    """How long a flavour keeps what is over: days, and of each target so many releases; null: for ever.

    `set_here` names what was set in place of what is declared.
    """

    flavour: str
    logs: int | None
    builds: int | None
    refs: int | None
    releases: int | None
    set_here: list[str]


class PastTidyingOut(Schema):
    """One time of tidying up: what was removed, by kind and in bytes, and what could not be and why."""

    finished_at: datetime
    removed: dict[str, int]
    faults: list[str]


class HousekeepingOut(Schema):
    """How long things are kept, where logs are when their jobs are over, and what tidying up did last."""

    policies: list[PolicyOut]
    log_store: str
    going_on: bool
    past: list[PastTidyingOut]


class SettingOut(Schema):
    """A setting of the process that answers, without secrets, and where it was read from."""

    name: str
    value: str
    origin: str


class SettingsOut(Schema):
    """How the deployer is run. `configuration` is null for those who are not admins of every flavour."""

    version: str
    schedules: list[ScheduleOut]
    runners: list[RunnerOut]
    facts: list[FactOut]
    log_rules: int
    housekeeping: HousekeepingOut
    configuration: list[SettingOut] | None


@router.get(
    "", response=SettingsOut, summary="Schedules, runners, what plugins tell of themselves, and the configuration"
)
def settings(request: HttpRequest) -> dict[str, Any]:
    now = clock.now()
    admin = access.is_admin_everywhere(request.user)
    return {
        "version": VERSION,
        "schedules": [asdict(each) for each in schedules.planned(now)],
        "runners": [asdict(each) for each in installation.runners(now)],
        "facts": list(PluginFact.objects.all()),
        "log_rules": LogRule.objects.filter(enabled=True).count(),
        "housekeeping": _housekeeping(),
        "configuration": [asdict(each) for each in installation.settings()] if admin else None,
    }


def _housekeeping() -> dict[str, Any]:
    found = housekeeping.found()
    return {
        "policies": [
            {"flavour": each.flavour.name, "set_here": each.set_here, **asdict(each.kept)} for each in found.policies
        ],
        "log_store": found.log_store,
        "going_on": found.going_on,
        "past": [asdict(each) for each in found.past],
    }


@router.post("/tidy", response=HousekeepingOut, auth=signed_in, summary="Have what nobody needs any more removed now")
def tidy(request: HttpRequest) -> dict[str, Any]:
    """As `manage.py tidy` does, by a runner. Only for admins of every flavour."""
    tidyings.ask(clock.now(), admin_everywhere(request))
    return _housekeeping()
