"""How often something may be asked for: counted in the memory of one process, for what costs little to refuse.

Each web process counts for itself, so that refusing costs no file and no question to another server; what must not be
guessed (passwords) is counted by `core.web.attempts`, for all processes that share a data directory.
"""

from __future__ import annotations

import ipaddress
import time
from threading import Lock

from core import configuration

#: Keys that are counted at once: who comes from more addresses than that is not stopped by counting addresses.
_KEYS = 50_000


class Limit:
    """So many in a window, of each key.

    :param seconds: how long a window is. All keys share it: who waits is let in at the same moment.
    """

    def __init__(self, seconds: int = 60) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._window = 0
        self._counts: dict[str, int] = {}

    def take(self, key: str, most: int) -> int:
        """Count one; answer after how many seconds it may be asked for again, 0 where it may be now.

        :param most: how many there may be in a window; 0 for any number.
        """
        now = time.time()
        window = int(now // self._seconds)
        with self._lock:
            if window != self._window:
                self._window, self._counts = window, {}
            if not most or (key not in self._counts and len(self._counts) >= _KEYS):
                return 0
            count = self._counts[key] = min(self._counts.get(key, 0) + 1, most + 1)
        return int(self._seconds - now % self._seconds) + 1 if count > most else 0

    def clear(self) -> None:
        """Forget what was counted."""
        with self._lock:
            self._counts = {}


def network(address: str) -> str:
    """Whom an address belongs to: of IPv6, everybody has at least 2**64 of them (RFC 6177)."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv4Address):
        return address
    if known.ipv4_mapped:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((known, 64), strict=False))


_costly = Limit()


def costly(person: str, address: str) -> int:
    """Count something that is costly to answer; answer for how many seconds it is refused, 0 where it is not.

    :param person: the name of who asks; empty for somebody who is known by the address alone.
    """
    key = f"person {person}" if person else f"address {network(address)}"
    return _costly.take(key, configuration.current().costly_calls_per_minute)
