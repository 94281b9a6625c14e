"""What a scheduler's administrator is shown of a pool, understood. Pure.

The text is that of `pp_common` in upstream's `scheduler/pool.ml`; its lists wrap wherever they are too long for a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.api import Pool, PoolWorker

_CAPACITY = re.compile(r"^capacity: (\d+)", re.MULTILINE)
#: A ticket ends with when it would start in a fair world, and what it is thought to cost: `@10s(600+urgent)`.
_TICKET = re.compile(r"@-?\d+[sm](?:\(\d+(?:\+urgent)?\))?(?:\+urgent)?(?=[\s\]])")
_WORKER = re.compile(r"^  (\S+) \(-?\d+\): .*?\((\d+) running\)$", re.MULTILINE | re.DOTALL)


def understood(told: Iterable[Mapping[str, Any]]) -> tuple[Pool, ...]:
    """The pools, as `ocluster.client.Client.pools` tells them, by name."""
    return tuple(sorted((_pool(each) for each in told), key=lambda pool: pool.name))


def sentence(pool: Pool) -> str:
    """What there is to know of a pool for whoever waits for one of its workers."""
    active = sum(worker.state == "active" for worker in pool.workers)
    if not active:
        away = ", ".join(f"{worker.name} is {worker.state}" for worker in pool.workers[:5])
        return f"It has no active worker{f': {away}' if away else ''}."
    workers = "1 worker" if active == 1 else f"{active} workers"
    return f"It has {workers} with room for {pool.capacity} builds: {pool.running} run and {pool.queued} wait."


def _pool(told: Mapping[str, Any]) -> Pool:
    shown = str(told["shown"])
    registered, _, _ = shown.partition("\ndisconnected:")
    running = {name: int(count) for name, count in _WORKER.findall(registered)}
    capacity = _CAPACITY.search(shown)
    return Pool(
        name=str(told["name"]),
        capacity=int(capacity[1]) if capacity else 0,
        running=sum(running.values()),
        queued=len(_TICKET.findall(registered)),
        workers=tuple(_worker(*each, running=running) for each in told["workers"]),
    )


def _worker(name: str, active: bool, connected: bool, *, running: Mapping[str, int]) -> PoolWorker:
    state = "disconnected" if not connected else "active" if active else "paused"
    return PoolWorker(name=name, state=state, running=running.get(name))
