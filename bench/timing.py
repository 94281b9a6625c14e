"""Timing, and printing what was timed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def median(function: Callable[[], object], *, times: int = 9) -> float:
    """The median duration of some calls, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def tell(what: str, seconds: float, baseline: float | None = None, of: str = "") -> None:
    """Print a duration, and how it compares."""
    ratio = f"   {seconds / baseline:8.3f} × {of}" if baseline else ""
    print(f"  {what:<58} {seconds * 1000:10.2f} ms{ratio}", flush=True)
