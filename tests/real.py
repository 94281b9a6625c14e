"""Real services for tests, each started by the tests themselves and gone with them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.e2e.harness import free_port


def required(program: str, package: str) -> str:
    """Where a program is. Where it is missing the test is skipped, or fails if every service is required."""
    found = shutil.which(
        program, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *_postgres_directories()])
    )
    if not found:
        skip_or_fail(f"{program} is not installed (Debian: apt install {package})")
    return found


def skip_or_fail(reason: str) -> NoReturn:
    """Leave the test out, or fail it if every service is required."""
    if os.environ.get("DEPLOYER_REQUIRE_SERVICES"):
        pytest.fail(reason)
    pytest.skip(reason)


def _postgres_directories() -> list[str]:
    return [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server with an empty database; yields its address."""
    initdb, server = required("initdb", "postgresql"), required("postgres", "postgresql")
    # Not one of pytest's directories: another user could not reach it.
    with tempfile.TemporaryDirectory(prefix="deployer-postgres-") as name:
        directory, port = Path(name), free_port()
        as_user: Sequence[str] = ()
        if os.getuid() == 0:
            # PostgreSQL refuses to run as root; Debian's package makes this user.
            as_user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
            shutil.chown(directory, "postgres", "postgres")
        data = str(directory / "data")
        words = [initdb, "--pgdata", data, "--auth=trust", "--username=deployer", "--no-sync", "--encoding=UTF8"]
        subprocess.run([*as_user, *words], check=True, capture_output=True, cwd=directory)
        options = ["-D", data, "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with running([*as_user, server, *options, "-c", f"unix_socket_directories={name}"], directory, port):
            yield f"postgres://deployer@127.0.0.1:{port}/postgres"


@contextmanager
def redis(directory: Path) -> Iterator[str]:
    """A Redis server; yields its address."""
    server, port = required("redis-server", "redis-server"), free_port()
    words = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(directory)]
    with running(words, directory, port):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def running(command: Sequence[str], directory: Path, port: int) -> Iterator[None]:
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        _wait_for(port, process, directory / "server.log")
        yield
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} did not start: {log.read_text()[-2000:]}")
