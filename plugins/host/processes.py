"""Finding processes by a mark in their environment, and ending them. Only the standard library.

Every process that one starts inherits the mark, whatever session or group it moves to and whatever it closes. No
process number has to be remembered, so none can go stale.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

#: Seconds that the kernel is given to end a process that was killed.
_PATIENCE = 5.0


def marked(name: str, value: str) -> list[int]:
    """The processes that live with this variable in their environment."""
    wanted = os.fsencode(f"{name}={value}")
    return [process for process in _processes() if wanted in _environment(process).split(b"\0")]


def end(remaining: Callable[[], Sequence[int]]) -> bool:
    """Kill what remains until nothing does; False when something cannot be ended."""
    deadline = time.monotonic() + _PATIENCE
    while found := remaining():
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(process: int) -> bytes:
    """What it was started with; empty for one that is gone, ending, or somebody else's."""
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return b""
