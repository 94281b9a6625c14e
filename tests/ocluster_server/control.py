"""What tests tell the stand-in: JSON lines on its standard input, each answered by one on its standard output."""

from __future__ import annotations

import json
from typing import Any

from tests.ocluster_server.access import Access
from tests.ocluster_server.admin import remove_client
from tests.ocluster_server.cluster import Cluster
from tests.ocluster_server.messages import Refusal
from tests.ocluster_server.script import Rule, Script
from tests.ocluster_server.server import Server


class Control:
    """The verbs, each a method of its name."""

    def __init__(self, cluster: Cluster, access: Access, server: Server) -> None:
        self._cluster, self._access, self._server = cluster, access, server

    def answer(self, line: bytes) -> str:
        """Do what a line says: `{"do": verb, …}`."""
        told = json.loads(line)
        verb = told.pop("do")
        try:
            return json.dumps({"answer": getattr(self, f"do_{verb}")(**told)})
        except (Refusal, LookupError) as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"})

    def do_jobs(self) -> list[dict[str, Any]]:
        return [record.told() for record in self._cluster.records.values()]

    def do_script(self, pool: str, repository: str, script: dict[str, Any]) -> None:
        self._cluster.rules.append(Rule(pool, repository, Script.of(script)))

    def do_finish(self, number: int, fail: str) -> None:
        self._cluster.finish(number, fail)

    def do_set_active(self, active: bool) -> None:
        for pool in self._cluster.pools.values():
            for name in list(pool.known):
                pool.set_active(name, active)

    def do_add_worker(self, pool: str, name: str, capacity: int) -> None:
        self._cluster.pools[pool].register(name, capacity)

    def do_lose_worker(self, pool: str, name: str) -> None:
        self._cluster.lose_worker(pool, name)

    def do_revoke(self, client: str) -> None:
        remove_client(self._cluster, self._access, client)

    def do_connections(self) -> list[int]:
        return [self._server.ever, len(self._server.connections)]

    def do_drop(self) -> None:
        for connection in list(self._server.connections):
            connection.reset()
