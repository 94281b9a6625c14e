"""A command that prints 200,000 lines: into a log with two secrets hidden, against the same command into a file.

Followers look every 50 ms, as often as the engine hints; they are in this process, on the loop that also runs the
command, or in another one, as a web process is.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from bench.timing import tell
from core.logs.follow import follow
from core.logs.store import LogStore
from core.processes import run

COMMAND = ("seq", "-f", "line %g of the output of a build command", "200000")
ROUNDS = 9
FOLLOWERS = 50
INTERVAL = 0.05
NAME = "bench/1.log"
#: Beside the log: that nothing will be appended any more, as a job's row tells it.
OVER = "over"

#: Has so many followers follow the log in a directory; the value is what each of them received.
Followers = Callable[[Path, int], contextlib.AbstractAsyncContextManager[asyncio.Future[list[int]]]]


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of the command, seconds after it until the last follower had everything, and whether each had."""

    taken: float
    late: float
    whole: bool


def into_file(directory: Path) -> float:
    """Seconds that the command needs by itself."""
    with (directory / "plain").open("wb") as file:
        start = time.perf_counter()
        subprocess.run(COMMAND, stdout=file, check=True)
        return time.perf_counter() - start


async def into_log(directory: Path) -> float:
    """Seconds that it needs through the log."""
    log = LogStore(directory).open(NAME)
    log.redact("ghp_16C7e42F292c6912E7710c838347Ae178B4a")
    log.redact("correct horse battery staple")
    start = time.perf_counter()
    await run(COMMAND, log=log)
    log.close()
    taken = time.perf_counter() - start
    (directory / OVER).touch()
    return taken


async def received(directory: Path) -> int:
    """Follow the log to its end; how many bytes came, in order and without a gap."""

    async def over() -> bool:
        return (directory / OVER).exists()

    count = 0
    async for chunk in follow(LogStore(directory), NAME, 0, finished=over, interval=INTERVAL):
        assert chunk.offset == count
        count += len(chunk.data)
    return count


async def followers(directory: Path, count: int) -> list[int]:
    """What each of some followers received."""
    return list(await asyncio.gather(*(received(directory) for _ in range(count))))


@contextlib.asynccontextmanager
async def here(directory: Path, count: int) -> AsyncIterator[asyncio.Future[list[int]]]:
    """Followers on this loop."""
    yield asyncio.ensure_future(followers(directory, count))


@contextlib.asynccontextmanager
async def elsewhere(directory: Path, count: int) -> AsyncIterator[asyncio.Future[list[int]]]:
    """Followers in another process, which are following when this is entered."""
    words = (sys.executable, "-m", "bench.log_throughput", str(directory), str(count))
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readline()

    async def counts() -> list[int]:
        output, _ = await process.communicate()
        return [int(word) for word in output.split()]

    yield asyncio.ensure_future(counts())


async def case(where: Followers, count: int) -> Result:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with where(directory, count) as following:
            taken = await into_log(directory)
            start = time.perf_counter()
            counts = await following
            late = time.perf_counter() - start
            return Result(taken, late, counts == [LogStore(directory).size(NAME)] * count)


CASES: dict[str, tuple[Followers, int]] = {
    "into a log": (here, 0),
    "into a log with 1 follower": (here, 1),
    f"into a log with {FOLLOWERS} followers in the same process": (here, FOLLOWERS),
    f"into a log with {FOLLOWERS} followers in another process": (elsewhere, FOLLOWERS),
}


async def measure() -> None:
    """Take every case in turn, so that a busy moment of the machine meets all of them, and print the medians."""
    plain: list[float] = []
    results: dict[str, list[Result]] = {name: [] for name in CASES}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            plain.append(await asyncio.to_thread(into_file, Path(name)))
        for name, (where, count) in CASES.items():
            results[name].append(await case(where, count))
    baseline = statistics.median(plain)
    tell("200,000 lines into a file", baseline)
    for name, rounds in results.items():
        tell(name, statistics.median(each.taken for each in rounds), baseline, "the file")
        if count := CASES[name][1]:
            whole = sum(each.whole for each in rounds)
            late = statistics.median(each.late for each in rounds) * 1000
            print(f"    all {count} received everything in {whole} of {ROUNDS} runs, {late:.0f} ms after its end")


async def follow_from_outside(directory: Path, count: int) -> None:
    """The other process."""
    following = asyncio.ensure_future(followers(directory, count))
    await asyncio.sleep(0)
    print("following", flush=True)
    print(*await following)


def main() -> None:
    asyncio.run(measure())


if __name__ == "__main__":
    if sys.argv[1:]:
        asyncio.run(follow_from_outside(Path(sys.argv[1]), int(sys.argv[2])))
    else:
        main()
