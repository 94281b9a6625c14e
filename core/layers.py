"""A channel layer for several processes of one host, without a server: the embedded default.

Groups reach the other processes as datagrams between Unix sockets in one directory. What travels is hints: one that is
lost (a full buffer, a process that is just starting) costs its reader a second. Channels themselves stay in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import secrets
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from channels.layers import InMemoryChannelLayer

#: The longest path of a Unix socket, less the name of a socket file (sockaddr_un holds 108 bytes, unix(7)).
_LONGEST_DIRECTORY = 75
_LARGEST = 1 << 16


class LocalChannelLayer(InMemoryChannelLayer):  # type: ignore[misc]  # channels has no types
    """An in-memory layer whose groups span the processes that share a directory.

    :param directory: made when it is needed, for this user alone.
    """

    def __init__(self, directory: str, **options: Any) -> None:
        super().__init__(**options)
        self._directory = _short(Path(directory))
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owner = 0

    async def group_add(self, group: str, channel: str) -> None:
        self._listen()
        await super().group_add(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await super().group_send(group, message)
        data = json.dumps([group, message]).encode()
        if len(data) > _LARGEST:
            raise ValueError(f"a message to group {group} is too large: hints carry no data")
        self._tell_others(data)

    async def close(self) -> None:
        """Stop listening."""
        if self._socket and self._owner == os.getpid():
            name = self._socket.getsockname()
            if self._loop and not self._loop.is_closed():
                self._loop.remove_reader(self._socket)
            self._socket.close()
            Path(name).unlink(missing_ok=True)
        self._socket = None

    def _listen(self) -> None:
        """Have this loop hear the others; again after a fork, and when an earlier loop was closed."""
        loop = asyncio.get_running_loop()
        if self._socket and self._loop is loop and self._owner == os.getpid():
            return
        _prepare(self._directory)
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        own.setblocking(False)
        own.bind(str(self._directory / f"{os.getpid()}-{secrets.token_hex(4)}.sock"))
        self._socket, self._loop, self._owner = own, loop, os.getpid()
        loop.add_reader(own, self._hear, own)

    def _hear(self, own: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                with contextlib.suppress(ValueError):
                    group, message = json.loads(own.recv(_LARGEST))
                    task = asyncio.ensure_future(super().group_send(group, message))
                    # A reader that does not keep up misses hints, and no more.
                    task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def _tell_others(self, data: bytes) -> None:
        mine = self._socket.getsockname() if self._socket and self._owner == os.getpid() else ""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for path in self._directory.glob("*.sock"):
                if str(path) != mine:
                    _tell(sender, path, data)


def _tell(sender: socket.socket, path: Path, data: bytes) -> None:
    try:
        sender.sendto(data, str(path))
    except (ConnectionRefusedError, FileNotFoundError):
        # Whoever listened there was killed.
        path.unlink(missing_ok=True)
    except OSError:
        return


def _short(directory: Path) -> Path:
    """The directory, or a short one that stands for it where its path is too long for a socket."""
    if len(os.fsencode(directory)) <= _LONGEST_DIRECTORY:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"deployer-{os.getuid()}-{digest}"


def _prepare(directory: Path) -> None:
    """Make the directory, and refuse one that somebody else made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode):
        raise PermissionError(f"{directory} belongs to somebody else: set DEPLOYER_DATA_DIR to a directory of your own")
