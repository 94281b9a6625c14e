"""Noticing that something holds up the runner's event loop, and whose code that is.

Nothing can interrupt code that does not come back. A loop that was held up for longer than a lease has lost its jobs to
other runners, and can do no more for its own: the process then ends, to be started again by whoever keeps it alive, and the
plugin whose code it was is disabled, so that the next one does not end in the same way.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable

from core import incidents
from core.engine import blame
from core.incidents import IncidentKind

logger = logging.getLogger(__name__)

#: Seconds between looks, and those for which the loop has to be held up to count.
_LOOK, _HELD_UP = 0.25, 2.0
#: What the process ends with: EX_TEMPFAIL (sysexits.h).
STATUS = 75


class Watchdog:
    """Watches one loop from a thread of its own, until it is stopped.

    :param lease: seconds after which the process ends.
    :param give_up: called with the plugin's name and what it did, before the process ends; empty where nobody knows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lease: float,
        give_up: Callable[[str, str], None],
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self._loop, self._lease, self._give_up, self._end = loop, lease, give_up, end
        self._watched = threading.get_ident()
        self._stopped = threading.Event()
        self._beat_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin. Called on the loop's own thread."""
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()

    def _run(self) -> None:
        blamed: tuple[str, str] | None = None
        looked_at, worked = time.monotonic(), time.process_time()
        while not self._stopped.wait(_LOOK):
            now, used = time.monotonic(), time.process_time()
            late = now - looked_at - _LOOK
            if used - worked < late / 2:
                # The whole process was frozen: nobody in it held up anything, and it sees to its leases by itself.
                self._beat_at += late
            looked_at, worked = now, used
            held_up = time.monotonic() - self._beat_at
            if held_up < _HELD_UP:
                if blamed:
                    self._tell(*blamed)
                blamed = None
                self._ask()
                continue
            blamed = blame.of_stack(sys._current_frames().get(self._watched)) or blamed
            if held_up > self._lease:
                self._give_up_all(blamed, held_up)

    def _ask(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._beat)
        except RuntimeError:
            self._stopped.set()  # the loop has ended

    def _beat(self) -> None:
        self._beat_at = time.monotonic()

    def _tell(self, plugin: str, where: str) -> None:
        logger.error("plugin %s held up the runner's event loop at %s", plugin, where)
        incidents.note(plugin, IncidentKind.BLOCKED, where, "It held up the runner's event loop.")

    def _give_up_all(self, blamed: tuple[str, str] | None, held_up: float) -> None:
        plugin, where = blamed or ("", "")
        what = f"it held up the runner's event loop for {held_up:.0f} s" + (f" at {where}" if where else "")
        logger.critical("%s: this runner ends, to be started again", f"plugin {plugin}: {what}" if plugin else what)
        if plugin:
            self._tell(plugin, where)
        try:
            self._give_up(plugin, what)
        finally:
            self._end(STATUS)
