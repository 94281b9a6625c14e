"""What a swarm is asked and told: the one module of this plugin that talks to the outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from containers.credentials import credentials_for
from containers.engine import Engine, EngineRefused
from containers.names import ImageName
from core.api import OperationError, Stalled
from plugins.docker_swarm import tasks
from plugins.docker_swarm.specs import Spec
from plugins.docker_swarm.tasks import Task

#: Lines of a task's output that are kept when it fails.
LINES = 30
_NO_CHANGES = (
    "Its swarm takes no changes now. If that lasts, its managers have lost their majority (`docker node ls`), or this one "
    "hangs: restart its engine"
)


@dataclass(frozen=True, slots=True)
class SwarmService:
    """A service as the swarm has it.

    :param version: has to be told with a change, so that no change of another's is lost.
    :param previous: the specification before the latest change; None at the first.
    :param update: the state of the latest update: `updating`, `paused`, `completed`, `rollback_started`, …; empty for none.
    """

    id: str
    name: str
    version: int
    spec: Spec
    previous: Spec | None
    update: str
    message: str
    started_at: datetime


class OutOfSequence(OperationError):  # noqa: N818  no fault: somebody else was quicker
    """A service was changed between being read and being written."""


class Swarm:
    """The swarm that an engine manages."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._names: dict[str, str] = {}

    async def service(self, name: str) -> SwarmService | None:
        """Read a service by name or id; None where there is none.

        :raises Stalled: the engine manages no swarm.
        """
        try:
            row = await self.engine.ask(f"/services/{name}")
        except EngineRefused as error:
            raise self._judge(error) from None
        return _service(row) if row else None

    async def services(self) -> list[SwarmService]:
        """Every service.

        :raises Stalled: the engine manages no swarm.
        """
        try:
            rows = await self.engine.ask("/services") or []
        except EngineRefused as error:
            raise self._judge(error) from None
        return [_service(row) for row in rows]

    async def tasks(self, service: SwarmService) -> Sequence[Task]:
        """The tasks of a service, those that ended among them as long as the swarm remembers them."""
        rows = await self.engine.ask("/tasks", filters={"service": [service.id]}) or []
        nodes = await self._nodes({row.get("NodeID", "") for row in rows})
        return [tasks.parse(row, service.name, nodes) for row in rows]

    async def _nodes(self, ids: set[str]) -> Mapping[str, str]:
        """Names of nodes, asked for once in a connection: a move looks twice a second."""
        if unknown := sorted(filter(None, ids - self._names.keys())):
            rows = await self.engine.ask("/nodes", filters={"id": unknown}) or []
            self._names |= {row["ID"]: row.get("Description", {}).get("Hostname", "") for row in rows}
        return self._names

    async def update(self, service: SwarmService, spec: Mapping[str, Any], *, roll_back: bool = False) -> Sequence[str]:
        """Change a service; answers the engine's warnings.

        :param roll_back: to the specification before, by the service's own policy; `spec` counts for nothing then.
        :raises OutOfSequence: it was changed since it was read.
        """
        image = ImageName.parse(spec["TaskTemplate"]["ContainerSpec"]["Image"])
        known = credentials_for(image.registry)
        # Without it, nodes that have to pull the image could not (`--with-registry-auth` of the command line).
        headers = {"X-Registry-Auth": known.header()} if known else {}
        params: dict[str, Any] = {"version": service.version}
        params |= {"rollback": "previous"} if roll_back else {}
        try:
            told = await self.engine.do(
                "POST", f"/services/{service.id}/update", params=params, body=spec, headers=headers
            )
        except EngineRefused as error:
            if "out of sequence" in error.message:
                raise OutOfSequence(str(error)) from None
            raise self._judge(error) from None
        return (told or {}).get("Warnings") or []

    async def image(self, reference: str) -> Mapping[str, Any] | None:
        """What the engine knows of an image; None where it does not have it."""
        found: Mapping[str, Any] | None = await self.engine.ask(f"/images/{reference}/json")
        return found

    async def container(self, id: str) -> Mapping[str, Any] | None:
        """What the engine knows of a container; None where it is not this engine's, or is gone."""
        found: Mapping[str, Any] | None = await self.engine.ask(f"/containers/{id}/json")
        return found

    async def last_lines(self, task: Task) -> bytes:
        """The end of what a task printed, wherever it ran."""
        params = {"stdout": True, "stderr": True, "tail": str(LINES)}
        try:
            return unframe(await self.engine.raw(f"/tasks/{task.id}/logs", params=params))
        except EngineRefused:
            return b""

    def _judge(self, error: EngineRefused) -> OperationError:
        if "not a swarm manager" in error.message:
            return Stalled(f"{self.engine.where} manages no swarm: declare the service on a host whose engine does")
        if "deadline exceeded" in error.message:
            return OperationError(f"{error}. {_NO_CHANGES}")
        if 400 <= error.status < 500:
            return Stalled(str(error))
        return error


def _service(row: Mapping[str, Any]) -> SwarmService:
    status = row.get("UpdateStatus") or {}
    return SwarmService(
        id=row["ID"],
        name=row["Spec"]["Name"],
        version=row["Version"]["Index"],
        spec=row["Spec"],
        previous=row.get("PreviousSpec"),
        update=status.get("State", ""),
        message=status.get("Message", ""),
        started_at=tasks.moment(status.get("StartedAt", "")),
    )


def unframe(data: bytes) -> bytes:
    """Join what an engine sends of a log: frames of a stream's number, three zeros and a length (API, attach)."""
    kept = b""
    while len(data) >= 8 and data[0] in (0, 1, 2) and data[1:4] == b"\0\0\0":
        size = int.from_bytes(data[4:8], "big")
        kept += data[8 : 8 + size]
        data = data[8 + size :]
    return kept or data
