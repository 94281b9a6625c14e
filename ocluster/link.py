"""One follower process, and what is said to it. It ends with the runner, and the runner goes on without it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any, Protocol

from core.api import OperationError
from ocluster import pipe
from ocluster.rpc.sturdy_ref import SturdyRef

logger = logging.getLogger(__name__)


class FollowerLostError(Exception):
    """The follower process is gone. What it followed was cancelled by the scheduler."""


class RefusedByFollower(Exception):  # noqa: N818  a value: what the follower told of a failure
    """The follower's word on why something failed: see `ocluster.follower.failures`."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind, self.text = kind, text


class Listener(Protocol):
    """Who hears what a follower tells of one job."""

    def waits(self, reason: str) -> None: ...

    def started(self) -> None: ...

    def note(self, text: str) -> None: ...

    def log(self, data: bytes) -> None: ...


@dataclass(slots=True)
class _Asked:
    outcome: asyncio.Future[Any]
    listener: Listener | None


class Link:
    """A running follower. Every question has a number, by which its answers are told apart."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._numbers = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, ref: SturdyRef, interface: str, *, retry: float) -> Link:
        """Start one for one capability."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *_mortal(),
                sys.executable,
                "-X",
                "faulthandler",
                "-m",
                "ocluster.follower",
                stdin=theirs.fileno(),
                stdout=asyncio.subprocess.DEVNULL,
                env={name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
                start_new_session=True,
            )
        ours.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=ours, limit=pipe.BUFFER)
        link = cls(process, reader, writer)
        # The capability goes through the socket: arguments and environments can be read by others.
        link._say(0, {"do": "open", "ref": str(ref), "interface": interface, "retry": retry})
        return link

    @property
    def gone(self) -> bool:
        """Whether the process has ended, or is ending."""
        return self._reading.done()

    @property
    def idle(self) -> bool:
        """Whether nothing is asked of it."""
        return not self._asked

    @property
    def process(self) -> int:
        """Its process number."""
        return self._process.pid

    async def ask(self, told: dict[str, Any], listener: Listener | None = None) -> Any:
        """Ask for something and await what comes of it. A cancelled await cancels it at the scheduler first.

        :raises RefusedByFollower: it failed there.
        :raises FollowerLostError: the follower is gone.
        """
        if self.gone:
            raise FollowerLostError
        number = next(self._numbers)
        asked = self._asked[number] = _Asked(asyncio.get_running_loop().create_future(), listener)
        self._say(number, told)
        try:
            return await asyncio.shield(asked.outcome)
        except (asyncio.CancelledError, OperationError):
            await self._cancel(number, asked)
            raise
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """End it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._writer.close()
        await asyncio.gather(self._reading, return_exceptions=True)
        await self._process.wait()

    async def _cancel(self, number: int, asked: _Asked) -> None:
        if not asked.outcome.done():
            self._say(number, {"do": "cancel"})
            await asyncio.wait({asked.outcome})
        with contextlib.suppress(Exception):
            asked.outcome.result()

    def _say(self, number: int, told: dict[str, Any]) -> None:
        self._writer.write(pipe.message(number, told))

    async def _read(self) -> None:
        try:
            while frame := await pipe.read(self._reader):
                self._hear(*frame)
        finally:
            # asyncio knows a process's end a moment after its socket's.
            self._writer.close()
            status = await self._process.wait()
            if self._asked:
                logger.error(
                    "the process that follows builds on OCluster ended with status %s; it is started anew", status
                )
            for asked in self._asked.values():
                if not asked.outcome.done():
                    asked.outcome.set_exception(FollowerLostError())

    def _hear(self, kind: int, number: int, body: bytes) -> None:
        asked = self._asked.get(number)
        if asked is None or asked.outcome.done():
            return
        try:
            if kind == pipe.LOG:
                if asked.listener:
                    asked.listener.log(body)
            else:
                _tell(asked, json.loads(body))
        except OperationError as error:
            # Its log cannot be written: the job's own trouble and no other's.
            asked.outcome.set_exception(error)
            self._say(number, {"do": "cancel"})


def _tell(asked: _Asked, told: dict[str, Any]) -> None:
    match told["event"]:
        case "done":
            asked.outcome.set_result(told["value"])
        case "failed":
            asked.outcome.set_exception(RefusedByFollower(told["kind"], told["text"]))
        case "cancelled":
            asked.outcome.cancel()
        case "waits" if asked.listener:
            asked.listener.waits(told["text"])
        case "started" if asked.listener:
            asked.listener.started()
        case "note" if asked.listener:
            asked.listener.note(told["text"])


def _mortal() -> tuple[str, ...]:
    """Have the kernel end it with the runner, even where the runner is killed while it starts."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
