"""Writing down what this process has measured: every few seconds, and when it ends.

A process that is killed loses what it measured in the last seconds; nothing else depends on that.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

from django.db import close_old_connections, transaction

from core import measures
from core.measures import Histogram, Labels, Sum
from core.models import Measurement

logger = logging.getLogger(__name__)

#: Seconds between two times of writing down.
INTERVAL = 5.0


def flush() -> bool:
    """Write down what was measured since the last time; False when there was nothing, or it could not be done now."""
    sums = measures.take()
    if not sums:
        return False
    try:
        _add(sums)
    except Exception:
        measures.give_back(sums)
        logger.exception("measurements could not be written down; they are kept for the next time")
        return False
    return True


@transaction.atomic
def _add(sums: Mapping[tuple[str, Labels], Sum]) -> None:
    keyed = {_key(name, labels): (name, labels, more) for (name, labels), more in sums.items()}
    known = set(Measurement.objects.filter(key__in=keyed).order_by().values_list("key", flat=True))
    new = [
        Measurement(key=key, name=name, labels=list(labels), buckets=[0] * len(more.buckets))
        for key, (name, labels, more) in keyed.items()
        if key not in known
    ]
    # Another process may have made the same meanwhile.
    Measurement.objects.bulk_create(new, ignore_conflicts=True)
    # In one order, so that two processes never wait for each other.
    rows = list(Measurement.objects.select_for_update(no_key=True).filter(key__in=keyed).order_by("pk"))
    for row in rows:
        more = keyed[row.key][2]
        row.count, row.total = row.count + more.count, row.total + more.total
        row.buckets = [before + now for before, now in zip(row.buckets, more.buckets, strict=True)]
    Measurement.objects.bulk_update(rows, ["count", "total", "buckets"])


def _key(name: str, labels: Labels) -> str:
    """What a series is known by. Other bounds make another one: the buckets of both cannot be added."""
    measure = measures.declared().get(name)
    bounds = measure.bounds if isinstance(measure, Histogram) else ()
    return sha256(json.dumps([name, labels, bounds]).encode()).hexdigest()


def current(name: str, row: Measurement) -> bool:
    """Whether a series is one that this version measures, with the bounds that it has now."""
    return row.key == _key(name, tuple(row.labels))


class Flusher:
    """Writes down in a thread of its own, for processes that have no loop of their own to do it in.

    :param also: what else is to be done as often; what it raises is logged.
    """

    def __init__(self, also: Sequence[Callable[[], None]] = ()) -> None:
        self._also = also
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="measurements", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write down what is left and end."""
        self._stopped.set()
        self._thread.join(INTERVAL)

    def _run(self) -> None:
        while not self._stopped.wait(INTERVAL):
            self._once()
        self._once()

    def _once(self) -> None:
        close_old_connections()
        flush()
        for each in self._also:
            try:
                each()
            except Exception:
                logger.exception("%s failed; it is done again in a moment", each.__qualname__)
