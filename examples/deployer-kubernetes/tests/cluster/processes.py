"""Programs that tests start, and end."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

#: Names the directory with the programs of Kubernetes.
VARIABLE = "DEPLOYER_TEST_KUBE_BIN"


def program(name: str) -> str:
    """Where a program is.

    :raises AssertionError: it is not there.
    """
    path = os.pathsep.join([os.environ[VARIABLE], os.environ.get("PATH", ""), "/usr/sbin"])
    found = shutil.which(name, path=path)
    assert found, f"{name} is neither in {VARIABLE} nor on the PATH"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Programs:
    """What was started, in order; ended the other way round.

    :param directory: their logs are in there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, *words: str, environment: dict[str, str] | None = None) -> None:
        with (self._directory / f"{name}.log").open("wb") as log:
            command = [program(name), *words]
            self._started.append(
                subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
            )

    def wait(self, what: str, ready: Callable[[], bool], seconds: float = 90) -> None:
        """Wait until something is as it should be.

        :raises AssertionError: it is not, in time; with the last lines of each program.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if all(each.poll() is None for each in self._started) and ready():
                return
            time.sleep(0.2)
        told = [f"{log.name}:\n{log.read_text(errors='replace')[-1500:]}" for log in self._directory.glob("*.log")]
        raise AssertionError(f"{what} did not come:\n" + "\n".join(told))

    def end(self) -> None:
        for process in reversed(self._started):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self._started.clear()
