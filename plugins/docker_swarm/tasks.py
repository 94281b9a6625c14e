"""What the tasks of a service say (Docker Engine API, Task; docs.docker.com, swarm task states). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from containers.names import digest_in

#: States in which a task has ended and should not have.
_BROKEN = ("failed", "rejected", "orphaned")
#: States that are told on the way; the others pass in milliseconds.
_TOLD = ("preparing", "starting", "running", "complete", "shutdown", *_BROKEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task.

    :param slot: how people call it: `web.1`, or `web` on a node.
    :param wanted: whether the swarm wants it to run.
    :param error: the engine's reason, as it says it.
    """

    id: str
    slot: str
    node: str
    state: str
    wanted: bool
    digest: str
    created_at: datetime
    changed_at: datetime
    error: str = ""
    container: str = ""
    exit_code: int | None = None

    @property
    def broken(self) -> bool:
        return self.state in _BROKEN

    @property
    def ended_badly(self) -> bool:
        """Whether it ended with an exit code of its own making, and not by a signal that ended it."""
        return self.state in ("shutdown", "complete") and self.exit_code not in (None, 0, 137, 143)

    @property
    def unplaced(self) -> bool:
        """Whether no node can take it, with the engine's reason in `error`."""
        return self.state == "pending" and bool(self.error)

    @property
    def told(self) -> str:
        """What a log says of it; empty for what need not be said."""
        if self.unplaced:
            return f"{self.slot} cannot be placed: {self.error}"
        if self.state not in _TOLD:
            return ""
        where = f" on {self.node}" if self.node else ""
        code = f" (exit code {self.exit_code})" if (self.broken or self.ended_badly) and self.exit_code else ""
        because = f": {self.error}" if self.error else ""
        return f"{self.slot}{where}: {self.state}{code}{because}"


def parse(row: Mapping[str, Any], service: str, nodes: Mapping[str, str]) -> Task:
    """Read a task as the engine tells it.

    :param nodes: names of nodes by id.
    """
    status = row.get("Status") or {}
    container = status.get("ContainerStatus") or {}
    node = row.get("NodeID", "")
    slot = f"{service}.{row['Slot']}" if row.get("Slot") else service
    image = (row.get("Spec") or {}).get("ContainerSpec", {}).get("Image", "")
    return Task(
        id=row["ID"],
        slot=slot,
        node=nodes.get(node, node[:12]),
        state=status.get("State", "new"),
        wanted=row.get("DesiredState") in ("running", "ready"),
        digest=digest_in(image),
        created_at=moment(row.get("CreatedAt", "")),
        changed_at=moment(status.get("Timestamp", "")),
        error=status.get("Err", ""),
        container=container.get("ContainerID", ""),
        exit_code=container.get("ExitCode"),
    )


def moment(text: str) -> datetime:
    """Read a time as engines write it, with nanoseconds; the beginning of time for none."""
    date, _, rest = text.partition(".")
    micro = "".join(each for each in rest if each.isdigit())[:6].ljust(6, "0")
    try:
        return datetime.fromisoformat(f"{date.removesuffix('Z')}.{micro}+00:00")
    except ValueError:
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a service is: of the tasks that are wanted, how many run, and how many of those the right image."""

    wanted: int
    running: int
    right: int

    @property
    def reached(self) -> bool:
        return self.right >= self.wanted and self.running == self.right

    def __str__(self) -> str:
        return f"{self.running} of {self.wanted} tasks running"


def standing(tasks: Iterable[Task], digest: str, scale: int | None) -> Standing:
    """Count.

    :param scale: how many tasks are asked for; None for as many as the swarm wants.
    """
    wanted = [task for task in tasks if task.wanted]
    running = [task for task in wanted if task.state == "running"]
    right = [task for task in running if task.digest == digest]
    return Standing(len(wanted) if scale is None else scale, len(running), len(right))
