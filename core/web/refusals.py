"""Webhooks that are refused: counted here, and written down once a second at most, as anybody may send them."""

from __future__ import annotations

import time
from collections import Counter
from threading import Lock

from core import clock
from core.plugins import plugins
from core.services import deliveries

#: Seconds between two times at which refusals are written down.
_BETWEEN = 1.0
#: Reasons that are counted between them.
_REASONS = 100


class Refusals:
    """Those of this process that are not written down yet. They are with the next refusal for which it is time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._again_at = 0.0

    def note(self, source: str, reason: str) -> None:
        """Count a refusal. What is sent to sources that there are not is nobody's."""
        if source not in plugins.kinds("sources"):
            return
        for (kind, why), count in self._due(source, reason).items():
            deliveries.refuse(kind, why, clock.now(), count)

    def _due(self, source: str, reason: str) -> Counter[tuple[str, str]]:
        with self._lock:
            if len(self._counts) < _REASONS:
                self._counts[source, reason] += 1
            now = time.monotonic()
            if now < self._again_at:
                return Counter()
            self._again_at = now + _BETWEEN
            due, self._counts = self._counts, Counter()
            return due


refusals = Refusals()
