"""The processes of a simulated deployer, as they would run on a host, and the services beside them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from bench.scale.size import Size
from tests import real
from tests.distributions import brings
from tests.e2e.harness import ROOT, free_port

#: The kinds of processes, as they are told.
RUNNERS, WEB, QCLUSTER, DATABASE, REDIS = "runners", "web", "qcluster", "PostgreSQL", "Redis"


@contextmanager
def environment(directory: Path, size: Size, database: str) -> Iterator[dict[str, str]]:
    """The variables of a deployer in an empty directory, with its database.

    :param database: `sqlite` or `postgresql`.
    """
    package = directory / "package"
    brings(
        package,
        "simulated",
        plugins={"simulated": "bench.scale.plugin.apps:SimulatedConfig"},
        flavours={"scale": "bench.scale.flavour:flavour"},
    )
    (directory / "outside").mkdir()
    made = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
        "DEPLOYER_DATA_DIR": str(directory / "data"),
        "DEPLOYER_LOG_LEVEL": "WARNING",
        "PYTHONPATH": os.pathsep.join([str(package), str(ROOT)]),
        "SCALE_OUTSIDE": str(directory / "outside"),
        "SCALE_SIZE": str(size),
    }
    with ExitStack() as stack:
        if database == "postgresql":
            made["DEPLOYER_DATABASE_URL"] = stack.enter_context(real.postgres(durable=True))
            made["DEPLOYER_REDIS_URL"] = stack.enter_context(real.redis(directory))
        yield made


class Installation:
    """Web, qcluster and some runners, each a process of its own. Ended when left."""

    def __init__(self, directory: Path, runners: int) -> None:
        self.port = free_port()
        self._log = (directory / "processes.log").open("ab")
        commands = {
            WEB: [["run_web", "--port", str(self.port)]],
            QCLUSTER: [["qcluster"]],
            RUNNERS: [["run_runner"]] * runners,
        }
        self._started = {
            kind: [
                subprocess.Popen([sys.executable, "manage.py", *each], cwd=ROOT, stdout=self._log, stderr=self._log)
                for each in several
            ]
            for kind, several in commands.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        processes = [each for several in self._started.values() for each in several]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._log.close()

    def processes(self) -> dict[str, list[int]]:
        """The numbers of the processes, by kind, with those of the database and of Redis."""
        for kind, several in self._started.items():
            for process in several:
                assert process.poll() is None, f"a process of {kind} has ended; see processes.log"
        found = {kind: [each.pid for each in several] for kind, several in self._started.items()}
        for kind, variable in ((DATABASE, "DEPLOYER_DATABASE_URL"), (REDIS, "DEPLOYER_REDIS_URL")):
            if url := os.environ.get(variable):
                found[kind] = _listening(url.rpartition(":")[2].partition("/")[0])
        return found


def _listening(port: str) -> list[int]:
    """The server that was told to listen at a port."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        program = words[0].split(b" ")[0].rpartition(b"/")[2]
        # Redis writes its address over the first of its words, with its name.
        at_port = port.encode() in words or words[0].endswith(f":{port}".encode())
        if at_port and program.startswith((b"postgres", b"redis-server")):
            found.append(int(entry.name))
    return found
