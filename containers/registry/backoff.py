"""How long a registry that does not answer is left alone, where it does not say so itself."""

from __future__ import annotations

import time
from threading import Lock

#: Seconds of the first pause, and of the longest.
_FIRST, _LONGEST = 5.0, 600.0


class Backoff:
    """Remembers for each registry how long it was left alone last; used by many threads.

    What many jobs meet at once is one failure: the pause grows only when it has passed and the next one follows.
    """

    def __init__(self) -> None:
        self._pauses: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def failed(self, registry: str, now: float | None = None) -> float:
        """Seconds after which to ask again.

        :param now: seconds of a clock that never goes back; the machine's if not given.
        """
        now = time.monotonic() if now is None else now
        with self._lock:
            pause, until = self._pauses.get(registry, (0.0, 0.0))
            if not pause or now >= until:
                pause = min(2 * pause, _LONGEST) or _FIRST
                self._pauses[registry] = (pause, now + pause)
            return pause

    def succeeded(self, registry: str) -> None:
        """Forget what went wrong before."""
        with self._lock:
            self._pauses.pop(registry, None)


backoff = Backoff()
