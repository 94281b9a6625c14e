"""The real processes, started as a user would start them, for tests that kill them."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from core.testing.git_server import GitServer, WorkTree
from tests.distributions import brings

ROOT = Path(__file__).parents[2]
NAME = "acme/shop"


#: Below those that the kernel takes for connections (`ip_local_port_range`), and that a swarm publishes by itself.
_PORTS = range(12_000, 29_000)


def free_port() -> int:
    """A port that nobody has, and that no other process of the tests is given while this one may still be starting."""
    last = Path(tempfile.gettempdir()) / f"deployer-tests-{os.getuid()}.port"
    with last.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        after = _PORTS.index(int(file.read() or secrets.choice(_PORTS))) + 1
        found = next(filter(_is_free, (*_PORTS[after:], *_PORTS[:after])))
        file.truncate(0)
        file.write(str(found))
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class Pipeline:
    """`manage.py run_pipeline` with a flavour of its own, found by an entry point as a stranger's would be.

    :param declaration: the Python text of a flavour file; `{git}` in it is the repository's address.
    """

    def __init__(self, directory: Path, server: GitServer, declaration: str) -> None:
        self.server = server
        self.data = directory / "data"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._output = directory / "output"
        server.create(NAME)
        self.work = WorkTree(directory / "work", server.url(NAME))
        package = directory / "package"
        brings(package, "acme", flavours={"acme": "acme_flavour:flavour"})
        (package / "acme_flavour.py").write_text(declaration.replace("{git}", server.url(NAME)))
        path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH", "")]))
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "deployer_site.settings",
            "DEPLOYER_DATA_DIR": str(self.data),
            "DEPLOYER_LEASE_SECONDS": "5",
            "PYTHONPATH": path,
        }

    # Processes

    def start(self, *arguments: str) -> None:
        """Start it, in a session of its own as a terminal would."""
        with self._output.open("ab") as output:
            command = [sys.executable, str(ROOT / "manage.py"), "run_pipeline", "--flavour", "acme"]
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port), *arguments],
                env=self.environment,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def stop(self) -> int:
        """End it as Ctrl-C would."""
        assert self._process
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(60)

    def wait(self, seconds: float = 240) -> int:
        """Wait for it to end by itself."""
        assert self._process
        return self._process.wait(seconds)

    def processes(self, *words: str) -> list[int]:
        """The processes of this tree, those with one of the words in their command line if any is given."""
        mark = f"DEPLOYER_DATA_DIR={self.data}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environment = (entry / "environ").read_bytes().split(b"\0")
                line = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if mark in environment and (not words or any(word in line for word in words)):
                found.append(int(entry.name))
        return found

    def kill(self, *words: str) -> None:
        """kill -9, all at the same time."""
        for process in self.processes(*words):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if not words and self._process:
            self._process.wait()

    def command(self, *words: str, seconds: float = 240) -> subprocess.CompletedProcess[str]:
        """Run another management command."""
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        return subprocess.run(
            command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=seconds
        )

    # What it did

    def until(self, what: Callable[[], Any], *, seconds: float = 120) -> Any:
        """Wait until something is true, and answer it; fail with all that explains why it does not come true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := what():
                return value
            assert self._process is None or self._process.poll() is None, f"the pipeline has ended. {self.told()}"
            time.sleep(0.05)
        raise AssertionError(f"it did not come true within {seconds} s. {self.told()}")

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the database, from outside."""
        path = self.data / "deployer.sqlite3"
        if not path.exists():
            return []
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as connection:
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def live_commit(self) -> str | None:
        """The commit that the service runs, as the database has it."""
        rows = self.query(
            "select c.hash from core_service s join core_release r on r.id = s.current_id"
            " join core_commit c on c.id = r.commit_id"
        )
        return rows[0][0] if rows else None

    def active(self) -> int:
        return int((self.query("select count(*) from core_job where state in ('queued', 'running')") or [(0,)])[0][0])

    def jobs(self) -> Sequence[tuple[int, str, str, str, str]]:
        """Key, title, state, reason and log of every job."""
        return self.query("select id, title, state, reason, log from core_job order by id")

    def told(self) -> str:
        """Everything that explains a failure."""
        output = self._output.read_text(errors="replace")[-6000:] if self._output.exists() else ""
        repositories = self.query(
            "select name, looked_at, next_look_at, look_error, look_lease_until from core_repository"
        )
        services = self.query("select name, status, reason from core_service")
        failed = [log for *_, state, _, log in self.jobs() if state == "failed"][-3:]
        ends = [(self.data / "logs" / log).read_text(errors="replace")[-1000:] for log in failed if self._has(log)]
        facts = {"jobs": [list(job) for job in self.jobs()][-15:], "repositories": repositories, "services": services}
        return "\n".join([json.dumps(facts, indent=1, default=str), *ends, output])

    def _has(self, log: str) -> bool:
        return (self.data / "logs" / log).exists()
