"""Ports of this host: one that is free, and whether a stranger has the one that a service wants."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

from plugins.host import processes, supervision, supervisor
from plugins.host.releases import HostRelease


def free() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_strangers(port: int | None, directory: Path, current: HostRelease | None) -> bool:
    """Whether something listens on the port that is not the service in this directory."""
    if port is None or not _is_taken(port):
        return False
    is_own = supervision.look(directory).process and current and current.spec["port"] == port
    return not is_own and not processes.marked(supervisor.MARK, str(directory))


def _is_taken(port: int) -> bool:
    """Whether anybody listens on it, at any address."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("", port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False
