"""A channel layer for several processes of one host, without a server: the embedded default.

Each process that listens has an *inbox*, a Unix datagram socket in a directory that they share; a message to a group is
handed to its own listeners and put into every other inbox. What travels is hints: one that is lost (an inbox that stays
full, a process that is just starting) costs its reader a second. Channels themselves stay in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
import socket
import stat
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from channels.layers import InMemoryChannelLayer

from core.errors import ConfigurationError

logger = logging.getLogger(__name__)

#: Bytes of the longest path of a Unix socket (sockaddr_un, unix(7): 108 on Linux, 104 elsewhere, with the last a zero).
_LONGEST_PATH = 103
_LONGEST_NAME = len("/4194304-00000000.sock")
#: Bytes of a message, as JSON.
_LARGEST = 1 << 16
#: Seconds between offers to an inbox that is full. Linux keeps 10 messages in each (net.unix.max_dgram_qlen): a burst
#: of hints fills it before its owner gets the processor.
_PAUSES = (0.001, 0.002, 0.004, 0.008, 0.016)
#: Messages taken from the inbox before others on the loop get their turn.
_TURN = 100


class LocalChannelLayer(InMemoryChannelLayer):
    """An in-memory layer whose groups span the processes that share a directory.

    A process that only sends needs no inbox. One that listens has its inbox on the loop that listened first, for as
    long as this loop runs; a fork starts afresh.

    :param directory: made when it is needed, for this user alone. Where its path is too long for a socket, a directory
        with a short name stands for it among the temporary files.
    """

    def __init__(self, directory: str, **options: Any) -> None:
        super().__init__(**options)
        self._directory = _short(Path(directory))
        self._inbox: _Inbox | None = None
        #: Inboxes that did not become empty in time: they are not waited for until they take a message again.
        self._slow: set[Path] = set()
        self._deliveries: set[asyncio.Task[None]] = set()
        _layers.add(self)

    async def group_add(self, group: str, channel: str) -> None:
        """Add a channel of this process to a group, and listen for it.

        :raises ConfigurationError: somebody else has made the directory.
        """
        self._listen()
        await super().group_add(group, channel)

    async def receive(self, channel: str) -> dict[str, Any]:
        """Wait for the next message on a channel of this process."""
        self._listen()
        return await super().receive(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Hint to everyone in a group, on this host.

        :raises ValueError: the message is larger than 64 KiB as JSON.
        :raises TypeError: it has no form in JSON.
        """
        data = _packed(group, message)
        listens_elsewhere = self._inbox is not None and self._inbox.is_read_elsewhere()
        if not listens_elsewhere:
            await super().group_send(group, message)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for path in self._inboxes():
                if listens_elsewhere or self._inbox is None or path != self._inbox.path:
                    await self._offer(sender, path, data)

    def hint(self, group: str, message: dict[str, Any]) -> None:
        """Hint to everyone in a group, on this host, from a thread that has no loop, and without waiting for any.

        :raises ValueError: the message is larger than 64 KiB as JSON.
        :raises TypeError: it has no form in JSON.
        """
        data = _packed(group, message)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            for path in self._inboxes():
                if not _put(sender, path, data) and path not in self._slow:
                    # Its owner is at work on what is there already; it may need a moment.
                    time.sleep(_PAUSES[0])
                    _put(sender, path, data)

    async def close(self) -> None:
        """Stop listening; listening again is possible."""
        if self._inbox:
            self._inbox.close()
        self._inbox = None

    def forget(self) -> None:
        """Let go of what a forked process inherited: channels, groups and the inbox are its parent's."""
        self.channels, self.groups = {}, {}
        self._deliveries = set()
        if self._inbox:
            self._inbox.abandon()
        self._inbox = None

    def _listen(self) -> None:
        if self._inbox and self._inbox.is_alive():
            return
        if self._inbox:
            self._inbox.close()
        _prepare(self._directory)
        self._inbox = _Inbox(self._directory, self._hear)

    def _hear(self, data: bytes) -> None:
        group, message = json.loads(data)
        if group in self.groups:
            task = asyncio.get_running_loop().create_task(super().group_send(group, message))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    def _inboxes(self) -> list[Path]:
        try:
            return list(self._directory.glob("*.sock")) if _is_own(self._directory) else []
        except FileNotFoundError:
            return []

    async def _offer(self, sender: socket.socket, path: Path, data: bytes) -> None:
        """Put a message into an inbox, or give up after some milliseconds."""
        pauses = iter(() if path in self._slow else _PAUSES)
        while not (taken := _put(sender, path, data)):
            pause = next(pauses, None)
            if pause is None:
                break
            await asyncio.sleep(pause)
        (self._slow.discard if taken else self._slow.add)(path)


class _Inbox:
    """A socket in the directory, read by the running loop. It leaves with its process, its loop or its layer.

    :param hear: called on the loop with each message.
    """

    def __init__(self, directory: Path, hear: Callable[[bytes], None]) -> None:
        self.path = directory / f"{os.getpid()}-{secrets.token_hex(4)}.sock"
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._remove = weakref.finalize(self, _remove, self._socket, self.path)
        self._socket.setblocking(False)
        # Between the making of the file and the end of `bind` its owner seems to be gone, so others may not see it yet.
        unseen = self.path.with_suffix(".new")
        self._socket.bind(str(unseen))
        unseen.rename(self.path)
        self._loop.add_reader(self._socket, self._read)

    def is_alive(self) -> bool:
        """Whether what is put into it is read."""
        return self._loop.is_running() and self.path.exists()

    def is_read_elsewhere(self) -> bool:
        """Whether another thread's loop reads it: queues are no way to hand something to another thread."""
        return self._loop.is_running() and self._loop is not asyncio.get_running_loop()

    def close(self) -> None:
        """Remove it."""
        if not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
        self._remove()

    def abandon(self) -> None:
        """Let go of it without removing it, as it is another process's."""
        self._remove.detach()
        self._socket.close()

    def _read(self) -> None:
        with contextlib.suppress(BlockingIOError):
            for _ in range(_TURN):
                self._hear(self._socket.recv(_LARGEST))


def _packed(group: str, message: dict[str, Any]) -> bytes:
    data = json.dumps([group, message], separators=(",", ":")).encode()
    if len(data) > _LARGEST:
        raise ValueError(f"a message to group {group!r} is {len(data)} bytes; at most {_LARGEST} can be sent")
    return data


def _put(sender: socket.socket, path: Path, data: bytes) -> bool:
    """Answer False when the inbox is full; remove it when its owner is gone."""
    try:
        sender.sendto(data, str(path))
    except BlockingIOError:
        return False
    except (ConnectionRefusedError, FileNotFoundError):
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.debug("a hint to %s was lost: %s", path, error)
    return True


def _remove(inbox: socket.socket, path: Path) -> None:
    inbox.close()
    path.unlink(missing_ok=True)


def _short(directory: Path) -> Path:
    """The directory, or a short one that stands for it where a socket in it would have too long a path."""
    directory = directory.absolute()
    if len(os.fsencode(directory)) + _LONGEST_NAME <= _LONGEST_PATH:
        return directory
    digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"deployer-{os.geteuid()}-{digest}"


def _prepare(directory: Path) -> None:
    """Make the directory, readable by this user alone, and refuse one that somebody else made."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_own(directory):
        raise ConfigurationError(
            f"{directory} belongs to somebody else: remove it, or set DEPLOYER_DATA_DIR to another directory"
        )
    directory.chmod(0o700)


def _is_own(directory: Path) -> bool:
    status = directory.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()


_layers: weakref.WeakSet[LocalChannelLayer] = weakref.WeakSet()


def _forget_all() -> None:
    for layer in list(_layers):
        layer.forget()


os.register_at_fork(after_in_child=_forget_all)
