"""What has to hold before a process starts: said at once, and not by children that die one after the other."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from django.core.management.base import CommandError

from core.errors import ConfigurationError
from core.management import database
from core.services import processes

#: Exit status for a wrong configuration.
WRONG = 2


def fits() -> None:
    """Refuse to start with a database that cannot be used, or that this version is too old for.

    :raises CommandError: says what to do.
    """
    try:
        with database.needed():
            processes.fits()
    except ConfigurationError as error:
        raise CommandError(str(error), returncode=WRONG) from None


@contextlib.contextmanager
def alone(data: Path) -> Iterator[None]:
    """Be the only one that runs on a data directory: a second one would take the first one's processes for left-overs.

    :raises ConfigurationError: names the other process, and what to do.
    """
    data.mkdir(parents=True, exist_ok=True)
    # Not inherited by the children: it is free as soon as this process is gone, however it went.
    descriptor = os.open(data / "pipeline.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        yield
    except BlockingIOError:
        other = os.pread(descriptor, 20, 0).decode()
        raise ConfigurationError(
            f"process {other} runs on {data} already: stop it first, or set DEPLOYER_DATA_DIR to another directory"
        ) from None
    finally:
        os.close(descriptor)


def port_is_free(host: str, port: int) -> None:
    """Refuse a port that the web could not listen on.

    :raises ConfigurationError: says why, and what to do.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(f"the pages cannot be at {host}:{port}: {error}; choose another --port") from None
