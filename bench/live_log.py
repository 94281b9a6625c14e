"""From a line that a command prints to 200 followers' sockets and to the pixels of one browser's page.

All of it is real: a pipeline of a web, a runner and a scheduler on SQLite, a command that prints when it prints, followers
in a process of their own, and a headless Chromium that looks at the same job. The clock is one, as the machine is.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.push_to_log import answers
from core.testing.git_server import GitServer
from tests.e2e.browser import browser
from tests.e2e.harness import ROOT, Pipeline

FOLLOWERS = 200
#: Lines a second, and seconds for which the command prints. What it prints before all follow is not counted.
RATES, SECONDS = (20, 200), 30
#: Milliseconds from a line to a pixel, in 99 of 100 cases.
LIMIT = 150

FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
recipe = Recipe("web", Use("host", command=["python3", "-u", "talk.py"]), platforms=[here])
flavour = Flavour("acme", [Repository("acme/shop", Use("git", url="{git}"), [recipe], poll=1)])
"""
TALK = """
import time
begin = time.time()
for number in range({rate} * {seconds}):
    time.sleep(max(0, begin + number / {rate} - time.time()))
    print(f"@{{time.time():.6f}} line {{number}} of the output of a build command", flush=True)
"""
#: In the page: notes how old each line is once the frame that shows it first has been painted.
WATCH = """
const seen = new Set();
window.ages = [];
new MutationObserver(() => {
  const fresh = [];
  for (const row of document.querySelectorAll("#log .row .text")) {
    const found = /^@([0-9.]+) line/.exec(row.textContent);
    if (found && !seen.has(found[1])) { seen.add(found[1]); fresh.push(Number(found[1]) * 1000); }
  }
  // What changed within this frame is painted before the next one begins.
  if (fresh.length) requestAnimationFrame(() => {
    const now = performance.timeOrigin + performance.now();
    for (const written of fresh) window.ages.push([written, now - written]);
  });
}).observe(document.getElementById("log"), { childList: true, subtree: true, characterData: true });
"""


def percentiles(ages: Sequence[float]) -> tuple[float, float, float]:
    """The median, the 99th percentile, and the longest."""
    return statistics.median(ages), statistics.quantiles(ages, n=100)[-1], max(ages)


async def follow(address: str, begun: asyncio.Event) -> tuple[int, list[tuple[float, float]]]:
    """Follow a log to its end: how many lines came, and of each piece when its oldest line was written and how old that
    was when it came; both in milliseconds."""
    from websockets.asyncio.client import connect

    found: list[tuple[float, float]] = []
    rest, count = b"", 0
    origin: Any = "http://" + address.split("/")[2]
    async with connect(address, origin=origin, compression=None, max_size=None, open_timeout=60) as socket:
        async for message in socket:
            now = time.time() * 1000
            begun.set()
            if isinstance(message, str):
                if json.loads(message)["type"] == "end":
                    break
                continue
            whole, _, rest = (rest + message).rpartition(b"\n")
            count += whole.count(b" of the output of ")
            # The oldest line of each piece: two hundred followers have no time to read every one.
            if (at := whole.find(b"@")) >= 0:
                written = float(whole[at + 1 : whole.index(b" ", at)]) * 1000
                found.append((written, now - written))
    return count, found


async def follow_all(address: str, count: int) -> None:
    """The followers' process: says when all of them follow, and in the end how old lines were."""
    begun = [asyncio.Event() for _ in range(count)]
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(follow(address, event)) for event in begun]
        for event in begun:
            await event.wait()
        print("following", flush=True)
    print(json.dumps([task.result() for task in following]))


def case(rate: int) -> None:
    with tempfile.TemporaryDirectory() as name, GitServer(Path(name) / "git") as server:
        pipeline = Pipeline(Path(name), server, FLAVOUR)
        pipeline.work.path.joinpath("talk.py").write_text(TALK.format(rate=rate, seconds=SECONDS))
        pipeline.work.commit("A build that talks")
        pipeline.work.push("HEAD:refs/heads/live")
        pipeline.start()
        try:
            pipeline.until(lambda: answers(f"http://127.0.0.1:{pipeline.port}/healthz"))
            (job,) = pipeline.until(lambda: pipeline.query("select id from core_job where state = 'running'"))[0]
            begin, everybody, pixels = watched(pipeline.port, job, Path(name))
        finally:
            pipeline.kill()
    print_figures(rate, begin, everybody, pixels)


def watched(port: int, job: int, directory: Path) -> tuple[float, list[Any], list[Any]]:
    """Since when all followed, and the ages of lines for each follower and in the browser; in milliseconds."""
    address = f"ws://127.0.0.1:{port}/ws/jobs/{job}/log"
    words = [sys.executable, "-m", "bench.live_log", address, str(FOLLOWERS)]
    with (
        subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process,
        browser(directory / "c") as page,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        page.get(f"http://127.0.0.1:{port}/jobs/{job}/")
        until(lambda: page.execute_script("return document.getElementById('log-state')?.textContent") == "live")
        page.execute_script(WATCH)
        begin = time.time() * 1000 + 500
        everybody = json.loads(process.stdout.read())
        until(lambda: page.execute_script("return document.getElementById('log-state')?.textContent") == "complete")
        return begin, everybody, page.execute_script("return window.ages")


def until(what: Any) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.05)


def print_figures(rate: int, begin: float, everybody: list[Any], pixels: list[Any]) -> None:
    whole = sum(count == rate * SECONDS for count, _ in everybody)
    print(f"  {rate} lines a second, {FOLLOWERS} followers; all {rate * SECONDS} lines came to {whole} of them")
    sockets = [age for _, each in everybody for written, age in each if written >= begin]
    first = [min(ages) for ages in by_line(everybody, begin).values()]
    base = statistics.median(first)
    for what, ages in {
        "the first follower's socket": first,
        "every follower's socket": sockets,
        "the browser's pixels": [age for written, age in pixels if written >= begin],
    }.items():
        half, most, longest = percentiles(ages)
        flag = f"   over {LIMIT}" if most > LIMIT else ""
        print(f"    to {what:<30} p50 {half:6.1f}  p99 {most:6.1f}  max {longest:6.1f} ms  {half / base:5.2f} ×{flag}")
    sys.stdout.flush()


def by_line(everybody: list[Any], begin: float) -> dict[float, list[float]]:
    lines: dict[float, list[float]] = {}
    for _, each in everybody:
        for written, age in each:
            if written >= begin:
                lines.setdefault(written, []).append(age)
    return lines


def main() -> None:
    for rate in RATES:
        case(rate)


if __name__ == "__main__":
    asyncio.run(follow_all(sys.argv[1], int(sys.argv[2])))
