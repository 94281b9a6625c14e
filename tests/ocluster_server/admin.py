"""What an administrator can ask for: `Admin`, and the `PoolAdmin` of each pool."""

from __future__ import annotations

import struct
from collections.abc import Callable

from tests.ocluster_server.access import Access
from tests.ocluster_server.cluster import Cluster
from tests.ocluster_server.encoding import Capability, PointerList, Struct, StructList, text
from tests.ocluster_server.messages import Refusal
from tests.ocluster_server.objects import NOTHING, Object, Outcome, Promise
from tests.ocluster_server.pool import Pool
from tests.ocluster_server.show import show
from tests.ocluster_server.submission import Submission


class Admin(Object):
    """The administrator's object, on one connection."""

    interfaces = ("Admin",)

    def __init__(self, cluster: Cluster, access: Access, reset: Callable[[], None]) -> None:
        super().__init__()
        self._cluster, self._access, self._reset = cluster, access, reset

    def admin_pools(self) -> Outcome:
        return _texts(sorted(self._cluster.pools))

    def admin_pool(self, name: str) -> Outcome:
        pool = self._cluster.pools.get(name)
        if pool:
            return Struct(b"", (Capability(PoolAdmin(pool)),))
        promise = Promise()
        promise.break_(Refusal("No such pool"))
        return Struct(b"", (Capability(promise),))

    def admin_add_client(self, id: str) -> Outcome:
        self._access.add(id)
        return Struct(b"", (Capability(Submission(self._cluster, id, self._access, self._reset)),))

    def admin_remove_client(self, id: str) -> Outcome:
        remove_client(self._cluster, self._access, id)
        return Struct(b"", (None,))

    def admin_list_clients(self) -> Outcome:
        return _texts(self._access.clients)


class PoolAdmin(Object):
    """A pool, as an administrator sees it."""

    interfaces = ("PoolAdmin",)

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def pooladmin_show(self) -> Outcome:
        return Struct(b"", (text(show(self._pool)),))

    def pooladmin_workers(self) -> Outcome:
        return Struct(b"", (StructList(tuple(self._worker(name) for name in sorted(self._pool.known))),))

    def pooladmin_set_active(self, worker: str, active: bool, auto_create: bool) -> Outcome:
        if worker not in self._pool.known and not auto_create:
            raise Refusal("Unknown worker")
        self._pool.set_active(worker, active)
        return NOTHING

    def pooladmin_forget(self, worker: str) -> Outcome:
        if worker in self._pool.workers:
            raise Refusal(f'Worker "{worker}" is still connected!')
        if self._pool.known.pop(worker, None) is None:
            raise Refusal(f'Worker "{worker}" not known in this pool')
        return NOTHING

    def _worker(self, name: str) -> Struct:
        connected = name in self._pool.workers
        return Struct(struct.pack("<Q", (not self._pool.known[name]) | connected << 1), (text(name),))


def remove_client(cluster: Cluster, access: Access, name: str) -> None:
    """Take a client's capability away.

    :raises Refusal: there is no such client.
    """
    access.remove(name)
    for pool in cluster.pools.values():
        pool.remove_client(name)


def _texts(items: list[str]) -> Struct:
    return Struct(b"", (PointerList(tuple(text(each) for each in items)),))
