"""A log of 200 MB: how soon its page shows something, what the API takes, and the memory of the browser and of the web.

The job has ended once, and runs and writes on the other time. Times are told against the same page of a short log.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import web
from bench.timing import tell
from tests.e2e.browser import browser

SIZE = 200_000_000
#: Bytes that the page of a log may take in the browser.
LIMIT = 100_000_000
_LINE = "line {:9d} of the output of a build command, {:x} \x1b[32mok\x1b[0m and some words to make it longer\n"
_EACH = 10
#: Seconds that a page has for anything.
_PATIENCE = 60
_SHOWN = "return document.querySelector('#log .row:not(.awaited) .text') !== null"
#: Milliseconds from the navigation to the first row of a log: told by the page itself, looked for in each frame.
_FIRST = """
window.addEventListener("DOMContentLoaded", () => {
  const look = () => {
    if (document.querySelector("#log .row:not(.awaited) .text, #log-plain")) {
      requestAnimationFrame(() => { window.firstRow = performance.now(); });
    } else requestAnimationFrame(look);
  };
  look();
});
"""


def write(path: Path, size: int) -> int:
    """Write a log with a step now and then; answers its lines."""
    number = written = 0
    with path.open("wb") as file:
        while written < size:
            piece = b"".join(
                (
                    f"Step {number // 50_000 + 1}/99 : RUN make\n" if at % 50_000 == 0 else _LINE.format(at, at * 7919)
                ).encode()
                for at in range(number, number + 10_000)
            )
            number, written = number + 10_000, written + file.write(piece)
    return number


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        environment = {**os.environ, "DEPLOYER_DATA_DIR": name, "DEPLOYER_LOG_LEVEL": "ERROR"}
        subprocess.run([sys.executable, "-m", "bench.large_log"], env=environment, cwd=web.ROOT, check=True)


def make() -> tuple[dict[str, Any], int]:
    """Jobs with a short log, with a long one, and with a long one that is being written."""
    from django.core.management import call_command

    from core import configuration
    from core.models import Job
    from core.states import JobState
    from tests import factories

    call_command("migrate", verbosity=0)
    logs = configuration.current().logs_dir
    (logs / "bench").mkdir(parents=True)
    lines = write(logs / "bench" / "long.log", SIZE)
    subprocess.run(["cp", "--reflink=auto", logs / "bench" / "long.log", logs / "bench" / "live.log"], check=True)
    write(logs / "bench" / "short.log", 1)
    jobs: dict[str, Job] = {}
    for name in ("short", "long", "live"):
        state = JobState.RUNNING if name == "live" else JobState.SUCCEEDED
        jobs[name] = factories.make_job(state=state, log=f"bench/{name}.log")
    return jobs, lines


def measure() -> None:
    web.setup()
    jobs, lines = make()
    with web.web() as (port, process), tempfile.TemporaryDirectory() as directory:
        before = pss(process)
        ask_api(port, jobs, lines)
        print(f"    the web: {(pss(process) - before) / 1e6:.0f} MB more memory after all that", flush=True)
        base = None
        for name in ("short", "long", "live"):
            with browser(Path(directory) / name) as page:
                base = look_at(page, f"http://127.0.0.1:{port}/jobs/{jobs[name].pk}/", name, lines, base)


def ask_api(port: int, jobs: dict[str, Any], lines: int) -> None:
    """Each operation of a log, at first and again, against the first lines of the short one."""

    def ask(name: str, what: str) -> float:
        began = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/jobs/{jobs[name].pk}/log/{what}") as answer:
            answer.read()
        return time.perf_counter() - began

    ask("short", "lines?first=0&count=200")
    base = statistics.median(ask("short", "lines?first=0&count=200") for _ in range(_EACH))
    tell("lines of a short log", base)
    operations = {
        "the last lines": "lines?first=-200&count=200",
        "lines of its middle": f"lines?first={lines // 2}&count=500",
        "its steps": "steps",
        "a word on every line": "search?q=build",
        "a word that is not there": "search?q=nothing-like-this",
    }
    for what, operation in operations.items():
        tell(f"{what} of 200 MB, asked for the first time", ask("long", operation), base, "the short one")
        again = statistics.median(ask("long", operation) for _ in range(3))
        tell(f"{what} of 200 MB, asked for again", again, base, "the short one")


def look_at(page: Any, address: str, name: str, lines: int, base: float | None) -> float:
    """Open a log and go everywhere in it; answers how soon it showed something."""
    page.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _FIRST})
    page.get(address)
    until(lambda: page.execute_script("return window.firstRow"))
    until(lambda: page.execute_script(_SHOWN))
    first = float(page.execute_script("return window.firstRow")) / 1000
    tell(f"the first screen of the {name} log", first, base, "the short one")
    if name != "short":
        with growing(address, name):
            go_everywhere(page, lines)
        heap, memory = weigh(page)
        flag = "" if memory < LIMIT else f"   over {LIMIT // 1_000_000} MB"
        print(
            f"    the browser: {heap / 1e6:.1f} MB of its heap, {memory / 1e6:.1f} MB private to its page{flag}",
            flush=True,
        )
    return base or first


def go_everywhere(page: Any, lines: int) -> None:
    """To the beginning, through all of it, to the middle by its address, to what is found, and to the end."""
    for step in range(101):
        page.execute_script(
            "const b = document.getElementById('log'); b.scrollTop = b.scrollHeight * arguments[0]", step / 100
        )
        until(lambda: page.execute_script(_SHOWN))
    page.execute_script("location.hash = arguments[0]", f"#L{lines // 2}")
    until(lambda: page.execute_script("return document.querySelector('#log .row.chosen:not(.awaited)') !== null"))
    page.execute_script(
        "const f = document.getElementById('log-find'); f.value = 'of the output';"
        "f.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', bubbles: true}))"
    )
    until(lambda: page.execute_script("return /of 1000/.test(document.getElementById('log-found').textContent)"))
    page.execute_script("document.getElementById('log-follow').click()")
    # What it holds at rest is measured after this: nothing tells when it has given back what it scrolled past.
    time.sleep(2)


@contextmanager
def growing(address: str, name: str) -> Iterator[None]:
    """Write lines at the end of the live log meanwhile, hundreds a second."""
    from core import configuration

    over = threading.Event()

    def write_on() -> None:
        with (configuration.current().logs_dir / "bench" / "live.log").open("ab", buffering=0) as file:
            while not over.wait(0.01):
                file.write(b"a line that was written just now by the command\n" * 10)

    writer = threading.Thread(target=write_on)
    if name == "live":
        writer.start()
    try:
        yield
    finally:
        over.set()
        if name == "live":
            writer.join()


def weigh(page: Any) -> tuple[int, int]:
    """Bytes of the heap of JavaScript, and those of the page's process that are its own alone."""
    page.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    page.execute_cdp_cmd("Performance.enable", {})
    told = {each["name"]: each["value"] for each in page.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]}
    return int(told["JSHeapUsedSize"]), max(private(each) for each in renderers(page.service.process.pid))


def renderers(process: int) -> list[int]:
    """The processes below one that show pages."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    found, rest = [], [process]
    while rest:
        each = rest.pop()
        rest += children.get(each, [])
        if b"--type=renderer" in (Path("/proc") / str(each) / "cmdline").read_bytes():
            found.append(each)
    return found


def _rollup(process: int, *names: str) -> int:
    text = (Path("/proc") / str(process) / "smaps_rollup").read_text()
    return sum(int(re.findall(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)[0]) for name in names) * 1024


def pss(process: int) -> int:
    return _rollup(process, "Pss")


def private(process: int) -> int:
    return _rollup(process, "Private_Dirty", "Private_Clean")


def until(what: Callable[[], Any]) -> None:
    end = time.monotonic() + _PATIENCE
    while not what():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


if __name__ == "__main__":
    measure()
