"""Many small writes as one: a system call costs more than what it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Batch:
    """Keeps what is written in one turn of the event loop, and hands it on together at the end of the turn."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._kept = bytearray()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write it soon, behind what was written before."""
        if not self._kept:
            asyncio.get_running_loop().call_soon(self.flush)
        self._kept += data

    def flush(self) -> None:
        """Write it now."""
        if self._kept:
            kept, self._kept = bytes(self._kept), bytearray()
            self._write(kept)
