"""A unikernel at the stand-in: it writes to its console, and ends if its image says so."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

#: A unikernel whose image has this in it ends soon after it was started.
CRASHES = b"crash"
#: Seconds until then, and until the host starts it again.
_SOON, _AGAIN = 0.05, 0.05

Console = list[tuple[datetime, str]]


class Unikernel:
    """One that was started; stands in for a process of Solo5.

    :param config: as it was decoded.
    :param console: where it writes; it outlives the unikernel.
    """

    def __init__(self, config: dict[str, Any], image: bytes, console: Console) -> None:
        self.config, self.image, self.console = config, image, console
        self.digest = sha256(image).digest()
        self.starts = 0
        self.destroyed = False
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None
        self.start()

    def start(self) -> None:
        with self._lock:
            if not self.destroyed:
                self._start()

    def _start(self) -> None:
        self.starts += 1
        self.started, self.running = datetime.now(UTC), True
        self.say("Solo5: Bindings version v0.9.0")
        if CRASHES in self.image:
            self._after(_SOON, self._end)
        else:
            self.say("service: ready")

    def say(self, line: str) -> None:
        self.console.append((datetime.now(UTC), line))

    def destroy(self) -> None:
        with self._lock:
            self.destroyed, self.running = True, False
            if self._timer:
                self._timer.cancel()

    def _end(self) -> None:
        with self._lock:
            if not self.destroyed:
                self._crash()

    def _crash(self) -> None:
        self.say('Fatal error: exception Failure("crash")')
        self.say("Solo5: solo5_exit(2) called")
        self.running = False
        if self.config["fail"][0] == "restart":
            self._after(_AGAIN, self.start)

    def _after(self, seconds: float, what: Any) -> None:
        self._timer = threading.Timer(seconds, what)
        self._timer.daemon = True
        self._timer.start()
