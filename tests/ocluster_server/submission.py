"""What a client can ask for: `Submission`, and the `Ticket` that it is given."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from tests.ocluster_server.build import Build
from tests.ocluster_server.cluster import Cluster
from tests.ocluster_server.description import Description
from tests.ocluster_server.encoding import Capability, Pointer, Struct, text
from tests.ocluster_server.messages import Refusal
from tests.ocluster_server.objects import NOTHING, Object, Outcome, Promise
from tests.ocluster_server.pool import Pool, Worker
from tests.ocluster_server.record import Record, State


class Access(Protocol):
    """Whether a client may still submit, and how its capability is written."""

    def is_valid(self, client: str) -> bool: ...

    def address(self, client: str) -> str: ...


class Submission(Object):
    """A client's endpoint, on one connection. `reset` resets that connection."""

    interfaces = ("Submission", "Persistent")

    def __init__(self, cluster: Cluster, client: str, access: Access, reset: Callable[[], None]) -> None:
        super().__init__()
        self._cluster, self._client, self._access, self._reset = cluster, client, access, reset

    def submission_submit(self, pool: str, urgent: bool, description: Description) -> Outcome:
        """Answer a ticket; where there is none to be had, one that every call to ends with the reason."""
        if not self._access.is_valid(self._client):
            return _broken("Access has been revoked")
        if pool not in self._cluster.pools:
            names = ", ".join(sorted(self._cluster.pools))
            return _broken(f"Pool ID {_quoted(pool)} not one of {{{names}}}")
        record = self._cluster.record(self._client, pool, urgent, description)
        return _one(Ticket(self._cluster, record, self._reset))

    def persistent_save(self) -> Outcome:
        return Struct(b"", (text(self._access.address(self._client)),))


class Ticket(Object):
    """A job that waits, or that a worker has taken. Who lets go of it while it waits cancels it."""

    interfaces = ("Ticket",)

    def __init__(self, cluster: Cluster, record: Record, reset: Callable[[], None]) -> None:
        super().__init__()
        self._cluster, self._record, self._reset = cluster, record, reset
        self._script = cluster.script_for(record)
        self._pool: Pool = cluster.pools[record.pool]
        self._build: Build | None = None
        self._job = Promise()
        self._job.hold()
        hint = record.description.cache_hint
        self._entry = self._pool.submit(record.client, hint, urgent=record.urgent, start=self._start)

    def released(self) -> None:
        self._cancel_queued("Ticket released (cancelled)")
        self._job.drop()

    def ticket_job(self) -> Outcome:
        if self._script.mute:
            return asyncio.get_running_loop().create_future()
        return _one(self._job)

    def ticket_cancel(self) -> Outcome:
        if not self._cancel_queued("Ticket cancelled") and self._build:
            self._build.cancel()
        return NOTHING

    def _cancel_queued(self, reason: str) -> bool:
        if not self._pool.cancel(self._entry):
            return False
        self._record.state, self._record.cancelled = State.CANCELLED, True
        self._job.break_(Refusal(reason))
        return True

    def _start(self, worker: Worker) -> None:
        self._build = self._cluster.start(self._record, self._script, worker, self._reset)
        self._job.resolve(self._build.job)


def _one(target: Object) -> Pointer:
    return Struct(b"", (Capability(target),))


def _broken(reason: str) -> Pointer:
    promise = Promise()
    promise.break_(Refusal(reason))
    return _one(promise)


def _quoted(name: str) -> str:
    """As OCaml's `%S` writes it: what is not ASCII as the numbers of its bytes."""
    quoted = "".join(
        chr(byte)
        if 32 <= byte < 127 and byte not in b'"\\'
        else {34: '\\"', 92: "\\\\", 10: "\\n", 9: "\\t"}.get(byte, f"\\{byte:03d}")
        for byte in name.encode()
    )
    return f'"{quoted}"'
