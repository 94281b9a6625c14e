"""Every process of the deployer, on all hosts: whether it is alive, what it has in hand, and how old its version is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core import configuration
from core.models import Flavour, Job, Process, Repository, Runner, visible
from core.models.processes import AnyProcess
from core.services.processes import SIGNS
from core.states import ProcessKind

#: Seconds by which a host's clock may differ from the database's: leases and schedules depend on it.
SKEW = 2.0


class Condition(StrEnum):
    """How a process is, as far as the database knows."""

    ALIVE = "alive"
    LATE = "late"
    GONE = "gone"
    DRAINING = "draining"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True, kw_only=True)
class InHand:
    """A job that a runner has in hand, and since when."""

    id: int
    title: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """Somebody asked a runner to take nothing more.

    :param ends: whether it ends when it has nothing in hand any more.
    """

    by: str
    at: datetime
    reason: str
    ends: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessNow:
    """A process, as it told of itself last. What a former version does not tell is None or empty.

    :param id: of its row, among those of its kind.
    :param migration: the number of the newest one that it knows.
    :param lease_until: when it counts as gone without a further sign.
    :param older: whether another process is of a newer version.
    :param memory: bytes; `loop_delay`: how late its event loop was at worst since the sign before, in seconds.
    :param clock: seconds by which its host's clock is ahead of the database's; None where both are one.
    :param followers: websockets that it serves. Of a web alone.
    :param flavour: what it looks after, if not everything; likewise `repository`. Of a runner alone.
    :param without: plugins that it was started without.
    :param concurrency: jobs that it takes at most.
    """

    id: int
    kind: ProcessKind
    name: str
    host: str
    process: int
    version: str
    migration: int | None
    older: bool
    started_at: datetime
    heartbeat_at: datetime
    lease_until: datetime
    condition: Condition
    jobs: tuple[InHand, ...]
    drain: Drain | None
    memory: int | None
    loop_delay: float | None
    clock: float | None
    address: str
    followers: int | None
    flavour: str
    repository: str
    without: tuple[str, ...]
    concurrency: int | None

    @property
    def is_skewed(self) -> bool:
        """Whether its host's clock differs from the database's by more than leases allow."""
        return self.clock is not None and abs(self.clock) > SKEW

    @property
    def words(self) -> str:
        """How it is in one sentence."""
        match self.condition:
            case Condition.GONE:
                jobs = "its jobs are taken over" if self.kind is ProcessKind.RUNNER else "it ended without a word"
                return f"gone since {self.lease_until:%H:%M:%S} UTC: {jobs}"
            case Condition.LATE:
                return f"late: it counts as gone at {self.lease_until:%H:%M:%S} UTC"
            case Condition.DRAINING:
                return "is being drained: it takes nothing more, and finishes what it has in hand"
            case Condition.DRAINED:
                return "is drained: it takes nothing, and has nothing in hand"
            case _:
                return "alive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """All of them, by kind, host and name.

    :param newest: the newest version among those that are alive, with its migration: `0.2.0 (0017)`.
    :param older: how many of those that are alive are of an older one: a rolling upgrade goes on.
    """

    processes: Sequence[ProcessNow]
    newest: str
    older: int
    alive: int

    @property
    def upgrade(self) -> str:
        """What goes on, where several versions run; otherwise empty."""
        if not self.older:
            return ""
        are = "is" if self.older == 1 else "are"
        return f"A rolling upgrade to {self.newest} goes on: {self.older} of {self.alive} processes {are} of an older version."


def found(now: datetime) -> Processes:
    """The processes. Three queries."""
    lease = timedelta(seconds=configuration.current().lease_seconds)
    rows: list[AnyProcess] = [*Process.objects.all(), *Runner.objects.all()]
    alive = [row for row in rows if _lease(row, lease) > now and not row.gone_at]
    newest = max(map(_age, alive), default=(0, ()))
    hands = _in_hand()
    told = [
        _now(row, now, lease, row in alive and _age(row) < newest, hands.get(row.name, ()))
        for row in rows
        if not isinstance(row, Runner) or shows(row)
    ]
    order = list(ProcessKind)
    told.sort(key=lambda each: (order.index(each.kind), each.host, each.name))
    return Processes(
        processes=told,
        newest=next((_version(row) for row in alive if _age(row) == newest), ""),
        older=sum(_age(row) < newest for row in alive),
        alive=len(alive),
    )


def shows(row: Runner) -> bool:
    """Whether whoever asks may know of a runner: of one that looks after a flavour or repository, who sees that."""
    flavour, repository = row.told.get("flavour"), row.told.get("repository")
    if visible.now() is None:
        return True
    return (not flavour or Flavour.objects.filter(name=flavour).exists()) and (
        not repository or Repository.objects.filter(name=repository).exists()
    )


def _in_hand() -> dict[str, tuple[InHand, ...]]:
    found: defaultdict[str, tuple[InHand, ...]] = defaultdict(tuple)
    for runner, id, title, since in (
        Job.objects.running().order_by("started_at", "pk").values_list("runner", "pk", "title", "started_at")
    ):
        found[runner] += (InHand(id=id, title=title, since=since),)
    return found


def _lease(row: AnyProcess, lease: timedelta) -> datetime:
    """When it counts as gone. A former version does not say how long its lease is."""
    return row.lease_until or row.heartbeat_at + lease


def _age(row: AnyProcess) -> tuple[int, tuple[int, ...]]:
    """What orders versions: the migrations that it knows first, as a checkout has one version's number for long."""
    return row.schema or 0, tuple(map(int, re.findall(r"\d+", row.version)[:4]))


def _version(row: AnyProcess) -> str:
    return f"{row.version or 'unknown'} ({row.schema:04})" if row.schema else row.version or "an unknown version"


def _condition(row: AnyProcess, now: datetime, until: datetime, jobs: Iterable[InHand]) -> Condition:
    if row.gone_at or until <= now:
        return Condition.GONE
    lease = until - row.heartbeat_at
    if now - row.heartbeat_at > lease * 2 / SIGNS:
        return Condition.LATE
    if isinstance(row, Runner) and row.drain_at:
        return Condition.DRAINING if jobs else Condition.DRAINED
    return Condition.ALIVE


def _now(row: AnyProcess, now: datetime, lease: timedelta, older: bool, jobs: tuple[InHand, ...]) -> ProcessNow:
    told, until = row.told, _lease(row, lease)
    return ProcessNow(
        id=row.pk,
        kind=ProcessKind(row.kind) if isinstance(row, Process) else ProcessKind.RUNNER,
        name=row.name,
        host=row.host,
        process=row.process,
        version=row.version,
        migration=row.schema,
        older=older,
        started_at=row.started_at,
        heartbeat_at=row.heartbeat_at,
        lease_until=min(until, row.gone_at) if row.gone_at else until,
        condition=_condition(row, now, until, jobs),
        jobs=jobs,
        drain=_drain(row) if isinstance(row, Runner) else None,
        memory=_number(told.get("memory"), int),
        loop_delay=_number(told.get("loop_delay"), float),
        clock=_number(told.get("clock"), float),
        address=str(told.get("address") or ""),
        followers=_number(told.get("followers"), int),
        flavour=str(told.get("flavour") or ""),
        repository=str(told.get("repository") or ""),
        without=tuple(map(str, told.get("without") or ())),
        concurrency=_number(told.get("concurrency"), int),
    )


def _drain(row: Runner) -> Drain | None:
    if row.drain_at is None:
        return None
    return Drain(by=row.drain_by, at=row.drain_at, reason=row.drain_reason, ends=row.drain_ends)


def _number(value: Any, kind: type[Any]) -> Any:
    return kind(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
