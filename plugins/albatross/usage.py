"""What unikernels use. Hosts tell it every ten seconds, which is longer than who looks at a service wants to wait."""

from __future__ import annotations

import asyncio
import time

from plugins.albatross.host import Host
from plugins.albatross.replies import Statistics

#: Seconds for which a sample is good enough.
_FRESH = 60.0


class Usage:
    """The latest sample of each unikernel, asked for while nobody waits."""

    def __init__(self) -> None:
        self._samples: dict[tuple[str, str], Statistics] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def latest(self, host: Host) -> Statistics | None:
        """The latest sample that is there; a newer one is asked for if it is old."""
        key = (str(host.client.address), host.name)
        if time.monotonic() - self._asked.get(key, -_FRESH) >= _FRESH:
            self._asked[key] = time.monotonic()
            task = asyncio.create_task(self._ask(key, host))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        return self._samples.get(key)

    async def settled(self) -> None:
        """Wait until all that was asked for has come."""
        await asyncio.gather(*self._asking)

    async def _ask(self, key: tuple[str, str], host: Host) -> None:
        sample = await host.statistics()
        if sample:
            self._samples[key] = sample
