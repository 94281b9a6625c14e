"""A pool as an administrator is shown it: the text of `pp_common` in upstream's `scheduler/pool.ml`, wrapped as OCaml does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from tests.ocluster_server.pool import Client, Entry, Pool, Worker

#: Columns of a line, where nothing else is said (OCaml's `Format`).
_MARGIN = 78


def show(pool: Pool) -> str:
    """The whole text, with its last line's end."""
    return "\n".join(_lines(pool)) + "\n"


def _lines(pool: Pool) -> Iterator[str]:
    now = time.time()
    yield f"capacity: {pool.capacity}"
    if pool.ready is None:
        yield f"queue: (backlog) {_queue(pool.backlog, now, len('queue: (backlog) '))}"
    else:
        yield f"queue: (ready) [{_wrapped((worker.name for worker in pool.ready), len('queue: (ready) ['))}]"
    yield "registered:"
    for _, worker in sorted(pool.workers.items()):
        yield _worker(worker, now)
    yield "disconnected:"
    for name, paused in pool.disconnected():
        yield f"  {name}{' (paused)' if paused else ''}"
    clients = (_client(client, now) for _, client in sorted(pool.clients.items()))
    yield f"clients: {_wrapped(clients, len('clients: '))}"


def _worker(worker: Worker, now: float) -> str:
    head = f"  {worker.name} ({worker.workload}): "
    state = "(inactive: admin pause)" if worker.paused else _queue(worker.queue, now, len(head))
    return f"{head}{state} ({worker.running} running)"


def _queue(queue: Iterable[Entry], now: float, column: int) -> str:
    """The one that comes last is first."""
    return f"[{_wrapped((_entry(each, now) for each in reversed(list(queue))), column + 1)}]"


def _entry(entry: Entry, now: float) -> str:
    text = f"{entry.client}:{entry.hint or '(no cache hint)'}@{_rough(entry.fair_start - now)}"
    urgent = "+urgent" if entry.urgent else ""
    return f"{text}({entry.cost}{urgent})" if entry.cost >= 0 else text + urgent


def _client(client: Client, now: float) -> str:
    delay = client.fair_start - now
    return f"{client.name}(1){f'+{_rough(delay)}' if delay > 0 else ''}"


def _rough(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds < 120 else f"{seconds / 60:.0f}m"


def _wrapped(items: Iterable[str], column: int) -> str:
    """Put as many in a line as fit; the next lines begin where the first item does."""
    text, used = "", column
    for each in items:
        if not text:
            text, used = each, column + len(each)
        elif used + 1 + len(each) <= _MARGIN:
            text, used = f"{text} {each}", used + 1 + len(each)
        else:
            text, used = f"{text}\n{' ' * column}{each}", column + len(each)
    return text
