"""Real services for tests, each started by the tests themselves and gone with them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import httpx
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


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """A disk of a megabyte, at a directory that is made for it."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if subprocess.run(words, check=False, capture_output=True).returncode:
        skip_or_fail("a disk can be mounted by root alone")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte; the file to remove so that there is room again."""
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return ballast


def _postgres_directories() -> list[str]:
    return [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]


@contextmanager
def postgres(at: str = "127.0.0.1", *, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server with an empty database; yields its address.

    :param at: where it listens besides 127.0.0.1, for whoever is on another host.
    :param durable: wait for the disk as in earnest.
    """
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
        with (directory / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all all trust\n")
        options = [
            "-D",
            data,
            "-p",
            str(port),
            "-c",
            f"listen_addresses={','.join(sorted({'127.0.0.1', at}))}",
            *(() if durable else ("-c", "fsync=off")),
        ]
        words = [*as_user, server, *options, "-c", f"unix_socket_directories={name}"]
        # SIGINT: it does not wait for whoever is connected still.
        with running(words, directory, port, stop=signal.SIGINT):
            yield f"postgres://deployer@{at}:{port}/postgres"


@contextmanager
def redis(directory: Path, at: str = "127.0.0.1") -> Iterator[str]:
    """A Redis server; yields its address. `at`: where it listens besides 127.0.0.1."""
    server, port = required("redis-server", "redis-server"), free_port()
    words = [server, "--port", str(port), "--bind", *sorted({"127.0.0.1", at}), "--protected-mode", "no"]
    words += ["--save", "", "--dir", str(directory)]
    with running(words, directory, port):
        yield f"redis://{at}:{port}/0"


@contextmanager
def s3(directory: Path, bucket: str = "logs") -> Iterator[str]:
    """A server that speaks Amazon's S3 protocol, with an empty bucket; yields its address."""
    if not importlib.util.find_spec("moto"):
        skip_or_fail("moto is not installed: pip install -e '.[dev]'")
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], directory, port):
        address = f"http://127.0.0.1:{port}"
        httpx.put(f"{address}/{bucket}").raise_for_status()
        yield address


@contextmanager
def running(
    command: Sequence[str],
    directory: Path,
    port: int,
    *,
    env: Mapping[str, str] | None = None,
    address: str = "127.0.0.1",
    stop: int = signal.SIGTERM,
) -> Iterator[None]:
    with (directory / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory, env=env)
    try:
        _wait_for(address, port, process, directory / "server.log")
        yield
    finally:
        process.send_signal(stop)
        process.wait(30)


def _wait_for(address: str, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"{process.args} did not start: {log.read_text()[-2000:]}")
