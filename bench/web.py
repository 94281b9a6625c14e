"""A real web process for a benchmark, with a data directory of its own."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import world
from tests.e2e.harness import free_port

ROOT = Path(__file__).parents[1]


def apart(module: str) -> None:
    """Run a benchmark's module as a program, on a copy of the large database that nobody else uses."""
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "data"
        world.copy(data)
        subprocess.run(
            [sys.executable, "-m", module],
            env={**os.environ, "DEPLOYER_DATA_DIR": str(data), "DEPLOYER_LOG_LEVEL": "ERROR"},
            cwd=ROOT,
            check=True,
        )


def setup() -> None:
    """What a module that runs apart does first."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "deployer_site.settings"
    import django

    django.setup()
    # Walking everywhere, one is refused here and there.
    logging.disable()


@contextmanager
def web() -> Iterator[tuple[int, int]]:
    """The port of a web process that answers, on this process's data, and its process number."""
    port = free_port()
    command = [sys.executable, str(ROOT / "manage.py"), "run_web", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        _wait(process, f"http://127.0.0.1:{port}/healthz")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], address: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the web has ended"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError("the web does not answer")
