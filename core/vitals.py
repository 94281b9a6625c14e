"""What a process can tell of itself at hardly any cost: its memory, and how late its event loop is."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

#: Seconds between two looks at the event loop.
_LOOK = 0.5
_NO_CONTAINER = "pid:[4026531836]"
_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def boot_of(process: int) -> str:
    """What tells a process from an earlier or later one with its number; empty when there is none.

    The boot's id and the process's start time in clock ticks since then: field 22 of /proc/PID/stat (proc(5)).
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "" if state in "ZX" else f"{boot}:{started}"


def host() -> str:
    """Where the numbers of processes mean what they mean here: this host, or one container on it.

    Containers may have one host name and see each other's processes all the same not, or others by their numbers:
    namespaces(7). `PROC_PID_INIT_INO` of the kernel's `include/linux/proc_ns.h` is the one of no container.
    """
    try:
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        namespace = _NO_CONTAINER
    return socket.gethostname() + ("" if namespace == _NO_CONTAINER else f" {namespace}")


def memory() -> int:
    """Bytes that this process has in memory: the second field of /proc/self/statm (proc(5)), in pages."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_SIZE
    except (OSError, ValueError, IndexError):
        return 0


class LoopDelay:
    """How late an event loop came to what was due, at worst since somebody asked."""

    def __init__(self) -> None:
        self._worst = 0.0

    async def watch(self) -> None:
        """Look for ever, on the loop that is to be watched."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _LOOK
            await asyncio.sleep(_LOOK)
            self._worst = max(self._worst, loop.time() - due)

    def take(self) -> float:
        """The worst delay in seconds; begins anew."""
        worst, self._worst = self._worst, 0.0
        return round(worst, 4)
