"""How this installation is run: its processes, and what it was configured with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from core import configuration
from core.configuration import PREFIX, Configuration
from core.models import Job, Runner

#: Settings that may have a password in them.
_WITH_PASSWORD = frozenset({"database_url", "redis_url", "email_url"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerNow:
    """A runner process.

    :param alive: it gave a sign within a lease.
    :param jobs: how many it has in hand.
    """

    name: str
    host: str
    version: str
    started_at: datetime
    heartbeat_at: datetime
    alive: bool
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of this process.

    :param value: as people may read it: no secret.
    :param origin: where it was read from.
    """

    name: str
    value: str
    origin: str
    about: str


def runners(now: datetime) -> list[RunnerNow]:
    """The runners by name. Two queries."""
    lease = timedelta(seconds=configuration.current().lease_seconds)
    counts = Job.objects.running().order_by().values("runner").annotate(count=Count("pk"))
    in_hand = dict(counts.values_list("runner", "count"))
    return [
        RunnerNow(
            name=row.name,
            host=row.host,
            version=row.version,
            started_at=row.started_at,
            heartbeat_at=row.heartbeat_at,
            alive=row.heartbeat_at >= now - lease and not row.gone_at,
            jobs=in_hand.get(row.name, 0),
        )
        for row in Runner.objects.all()
    ]


def queue() -> dict[str, int]:
    """How many jobs are in each state that something leads out of."""
    rows = Job.objects.active().order_by().values("state").annotate(count=Count("pk"))
    return dict(rows.values_list("state", "count"))


def settings() -> list[Setting]:
    """What this process was configured with, in the order of the reference."""
    current = configuration.current()
    return [
        Setting(
            name=f"{PREFIX}{name.upper()}",
            value=_shown(name, getattr(current, name)),
            origin=_origin(current, name),
            about=info.description or "",
        )
        for name, info in Configuration.model_fields.items()
    ]


def _shown(name: str, value: Any) -> str:
    if name in configuration.UNSHOWN:
        return "set, and not shown" if value else ""
    if name in _WITH_PASSWORD:
        return configuration.without_password(str(value))
    if isinstance(value, frozenset | list | tuple):
        return ", ".join(sorted(map(str, value)))
    return str(value)


def _origin(current: Configuration, name: str) -> str:
    variable = f"{PREFIX}{name.upper()}"
    if any(each.upper() == variable for each in os.environ):
        return "the environment"
    if name in configuration.FROM_FILES and (path := configuration.from_file(variable)):
        return f"the file {path}"
    return f"a file in {configuration.SECRETS}" if name in current.model_fields_set else "not set"
