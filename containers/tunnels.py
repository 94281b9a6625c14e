"""Reaching an engine by the system's ssh: its keys, its known hosts and its configuration file apply.

One ssh process a host forwards a local socket to the engine's; whoever needs that host meanwhile shares it. It stays for
a while after the last one, as connecting anew costs more than all the questions of a look.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from pydantic import Field, FilePath

from core.api import CommandFailed, OperationError, PluginSettings, run

#: Seconds that a tunnel stays open when nobody uses it.
IDLE = 60.0
#: Seconds to wait for a connection.
_CONNECT = 15
#: Where an engine listens unless the address says otherwise.
_SOCKET = "/var/run/docker.sock"


class SshSettings(PluginSettings, env_prefix="DEPLOYER_SSH_", env_ignore_empty=True):
    """How engines and hosts are reached over ssh."""

    config: FilePath | None = Field(None, description="Configuration file for ssh instead of the user's own.")


def command(url: str, socket: Path) -> list[str]:
    """The ssh that forwards `socket` to the engine at an `ssh://` address, whose path may name the engine's socket."""
    parts = urlsplit(url)
    config = SshSettings.read().config
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": "10",
        "ControlPath": "none",
        "ExitOnForwardFailure": "yes",
        "ServerAliveCountMax": "3",
        "ServerAliveInterval": "5",
        "StreamLocalBindUnlink": "yes",
    }
    words = ["ssh", "-N", "-T", *(["-F", str(config)] if config else [])]
    words += [f"-o{name}={value}" for name, value in options.items()]
    words += ["-L", f"{socket}:{parts.path if len(parts.path) > 1 else _SOCKET}"]
    words += ["-p", str(parts.port)] if parts.port else []
    words += ["-l", parts.username] if parts.username else []
    return [*words, "--", parts.hostname or ""]


class _LastWords:
    """What ssh prints: the log that `run` wants, of which the end is kept."""

    def __init__(self) -> None:
        self._kept = b""

    def write(self, data: bytes) -> None:
        self._kept = (self._kept + data)[-2000:]

    def note(self, text: str) -> None:
        """The command line is not for people here."""

    def redact(self, secret: str) -> None:
        """Nothing of this is shown but ssh's own words."""

    @property
    def text(self) -> str:
        return " ".join(self._kept.decode(errors="replace").split())


class Tunnel:
    """One ssh process and the socket that it forwards."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).hostname
        # Not in the data directory: the path of a socket has at most 107 characters (unix(7)).
        self._directory = Path(tempfile.mkdtemp(prefix="deployer-ssh-"))
        self.socket = self._directory / "engine"
        self._words = _LastWords()
        self._ssh = asyncio.create_task(run(command(url, self.socket), log=self._words))
        self.users = 0

    @property
    def alive(self) -> bool:
        return not self._ssh.done()

    async def ready(self) -> None:
        """Wait until the socket is there.

        :raises OperationError: ssh ended, or takes too long; its own words are in the text.
        """
        try:
            async with asyncio.timeout(_CONNECT):
                while self.alive and not self.socket.exists():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise OperationError(
                f"{self._host} cannot be reached by ssh: no answer in {_CONNECT} s. {self.said}"
            ) from None
        if not self.alive:
            raise OperationError(f"{self._host} cannot be reached by ssh: {self.said or self._why()}")

    @property
    def said(self) -> str:
        """The last words of ssh."""
        return self._words.text

    def _why(self) -> str:
        error = None if self._ssh.cancelled() else self._ssh.exception()
        return str(error or "it ended")

    async def close(self) -> None:
        self._ssh.cancel()
        with contextlib.suppress(asyncio.CancelledError, CommandFailed, OperationError):
            await self._ssh
        shutil.rmtree(self._directory, ignore_errors=True)


class _Tunnels:
    """The tunnels of one event loop, by address."""

    def __init__(self) -> None:
        self._open: dict[str, Tunnel] = {}
        self._closing: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, url: str) -> Tunnel:
        tunnel = self._open.get(url)
        if tunnel is None or not tunnel.alive:
            if tunnel:
                self._close(tunnel)
            tunnel = self._open[url] = Tunnel(url)
        if timer := self._closing.pop(url, None):
            timer.cancel()
        tunnel.users += 1
        return tunnel

    def give_back(self, url: str, tunnel: Tunnel) -> None:
        tunnel.users -= 1
        if tunnel.users:
            return
        if self._open.get(url) is tunnel and tunnel.alive:
            self._closing[url] = asyncio.get_running_loop().call_later(IDLE, self._expire, url, tunnel)
        else:
            self._open.pop(url, None) if self._open.get(url) is tunnel else None
            self._close(tunnel)

    def _expire(self, url: str, tunnel: Tunnel) -> None:
        self._closing.pop(url, None)
        if not tunnel.users and self._open.get(url) is tunnel:
            del self._open[url]
            self._close(tunnel)

    def _close(self, tunnel: Tunnel) -> None:
        task = asyncio.ensure_future(tunnel.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close_all(self) -> None:
        for timer in self._closing.values():
            timer.cancel()
        self._closing.clear()
        for url in list(self._open):
            self._close(self._open.pop(url))
        await asyncio.gather(*self._tasks)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _Tunnels] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def tunnel(url: str) -> AsyncIterator[Tunnel]:
    """Share a tunnel to an `ssh://` address.

    :raises OperationError: the host cannot be reached.
    """
    tunnels = _of_loop.setdefault(asyncio.get_running_loop(), _Tunnels())
    taken = tunnels.take(url)
    try:
        await taken.ready()
        yield taken
    finally:
        tunnels.give_back(url, taken)


async def close_tunnels() -> None:
    """Close every tunnel of this event loop; a process that ends does that by itself."""
    if tunnels := _of_loop.pop(asyncio.get_running_loop(), None):
        await tunnels.close_all()
