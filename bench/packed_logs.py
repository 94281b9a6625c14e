"""Logs of jobs that are over, packed: how much smaller they are, and how soon any part is there, against the plain file.

The same log of 200 MB in the same run, once as its file and once packed; parts are read that nobody read before.
"""

from __future__ import annotations

import contextlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.large_log import write
from bench.timing import tell
from core.logs import lines, search, steps
from core.logs.store import LogStore

SIZE = 200_000_000
PLAIN, PACKED = "bench/plain.log", "bench/packed.log"
_EACH = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name))


def measure(directory: Path) -> None:
    store = LogStore(directory)
    store.path(PLAIN).parent.mkdir(parents=True)
    count = write(store.path(PLAIN), SIZE)
    shutil.copyfile(store.path(PLAIN), store.path(PACKED))
    with contextlib.closing(store.open(PACKED)):
        pass
    began = time.perf_counter()
    store.pack(PACKED)
    taken = time.perf_counter() - began
    size = store.stored("bench")[PACKED]
    print(f"    packed: 1/{SIZE / size:.1f} of its size, {SIZE / taken / 1e6:.0f} MB/s", flush=True)
    draw = random.Random(1)
    places = [draw.randrange(SIZE - 100_000) for _ in range(_EACH)]
    numbers = [draw.randrange(count - 500) for _ in range(_EACH)]
    both("64 KiB at an offset", store, lambda name: [store.read(name, place, 1 << 16) for place in places], _EACH)
    both("its last 200 lines", store, lambda name: [store.tail(name, 200, limit=1 << 17) for _ in range(9)], 9)
    both(
        "its first line by its number, asked for the first time", store, lambda name: lines.index(store, name).offset(9)
    )
    both(
        "500 lines at a number", store, lambda name: [list(lines.lines(store, name, at, 500)) for at in numbers], _EACH
    )
    both("all its steps", store, lambda name: steps.steps(store, name))
    both("a word that is not there", store, lambda name: list(search.found(store, name, "nothing-like-this")))
    both("all of it", store, lambda name: [store.read(name, at, 1 << 18) for at in range(0, SIZE, 1 << 18)])


def both(what: str, store: LogStore, work: Callable[[str], object], times: int = 1) -> None:
    """Do it with the plain file and with the packed one, each anew."""
    base = timed(lambda: work(PLAIN)) / times
    lines._index.cache_clear()
    steps._outline.cache_clear()
    tell(f"{what}, plain", base)
    tell(f"{what}, packed", timed(lambda: work(PACKED)) / times, base, "the plain file")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
