"""Follow jobs for a runner: `python -m ocluster.follower`, started by `ocluster.client` with a socket as standard input."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Coroutine
from typing import Any

import capnp

from ocluster import pipe
from ocluster.batch import Batch
from ocluster.follower import pools
from ocluster.follower.connection import Connection
from ocluster.follower.failures import Failure, Kind
from ocluster.follower.job import FollowedJob
from ocluster.rpc.schema import api
from ocluster.rpc.sturdy_ref import SturdyRef
from ocluster.submission import Submission


class Reporter:
    """Tells the runner of one job."""

    def __init__(self, number: int, writer: asyncio.StreamWriter, batch: Batch) -> None:
        self._number, self._writer, self._batch = number, writer, batch

    def tell(self, **told: Any) -> None:
        """Send a message."""
        self._batch.write(pipe.message(self._number, told))

    def waits(self, reason: str) -> None:
        self.tell(event="waits", text=reason)

    def started(self) -> None:
        self.tell(event="started")

    def note(self, text: str) -> None:
        self.tell(event="note", text=text)

    async def log(self, data: bytes) -> None:
        self._batch.write(pipe.log(self._number, data))
        await self._writer.drain()


class Follower:
    """Carries out what the runner asks, until the runner is gone."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._batch = reader, writer, Batch(writer.write)
        self._connection: Connection
        self._jobs: dict[int, FollowedJob] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Return once the runner is gone; what it asked for is dropped then, and ended by the scheduler."""
        while frame := await pipe.read(self._reader):
            _, number, body = frame
            self._take(number, json.loads(body))

    def _take(self, number: int, asked: dict[str, Any]) -> None:
        match asked.pop("do"):
            case "open":
                interface = getattr(api(), asked["interface"])
                self._connection = Connection(SturdyRef.parse(asked["ref"]), interface, retry=asked["retry"])
            case "submit":
                reporter = Reporter(number, self._writer, self._batch)
                job = FollowedJob(Submission.of(asked["submission"]), self._connection, reporter)
                self._jobs[number] = job
                self._start(number, job.run())
            case "cancel" if number in self._jobs:
                self._jobs[number].cancel()
            case "cancel" if number in self._tasks:
                self._tasks[number].cancel()
            case "pools":
                self._start(number, pools.read(self._connection, Reporter(number, self._writer, self._batch).waits))

    def _start(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(self._carry_out(number, work))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._tasks.pop(number))

    async def _carry_out(self, number: int, work: Coroutine[Any, Any, Any]) -> None:
        reporter = Reporter(number, self._writer, self._batch)
        try:
            reporter.tell(event="done", value=await work)
        except Failure as failure:
            reporter.tell(event="failed", kind=failure.kind, text=failure.text)
        except asyncio.CancelledError:
            reporter.tell(event="cancelled")
        except Exception as error:  # noqa: BLE001  one job's fault must not end the others
            reporter.tell(event="failed", kind=Kind.SCHEDULER, text=f"{type(error).__name__}: {error}")
        finally:
            self._jobs.pop(number, None)


async def main() -> None:
    """Serve the runner at the other end of standard input."""
    with socket.socket(fileno=sys.stdin.fileno()) as connected:
        connected.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=connected, limit=pipe.BUFFER)
        await Follower(reader, writer).run()


if __name__ == "__main__":
    asyncio.run(capnp.run(main()))
