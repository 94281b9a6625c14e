"""What a worker does with a job: it follows its script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.ocluster_server.job import Job
from tests.ocluster_server.messages import Kind, Refusal
from tests.ocluster_server.push import ARCHITECTURES, Image, PushError, push
from tests.ocluster_server.record import Record, State
from tests.ocluster_server.script import Script

#: Lines that are written between looks at what else there is to do, where nothing paces them.
_BURST = 200


class Build:
    """A job that runs.

    :param on_end: is told when it is over.
    :param reset: resets the client's connection.
    :param lose: has the worker go away.
    """

    def __init__(
        self,
        record: Record,
        script: Script,
        *,
        on_end: Callable[[], None],
        reset: Callable[[], None],
        lose: Callable[[], None],
    ) -> None:
        self.record, self._script = record, script
        self._on_end, self._reset, self._lose = on_end, reset, lose
        self.job = Job(self.cancel)
        self._told = asyncio.Event()
        self._fail = script.fail
        self._task = asyncio.create_task(self._run())

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if not self.record.ended:
            self.record.cancelled = True
            self._task.cancel()

    def finish(self, fail: str) -> None:
        """Have one that hangs go on; a text makes it fail."""
        self._fail = fail or self._fail
        self._told.set()

    def lose(self) -> None:
        """Its worker is gone."""
        if not self.record.ended:
            self.record.state = State.LOST
            self.job.lose(Refusal("Switch turned off", Kind.DISCONNECTED))
            self._task.cancel()

    async def _run(self) -> None:
        data = self.job.data
        try:
            data.write(f"Building on {self.record.worker}\n".encode())
            await self._write_lines()
            data.write(self._script.log)
            if self._script.hangs:
                await self._told.wait()
            output = "" if self._fail or self._script.reason else await self._output()
        except asyncio.CancelledError:
            self._end(State.CANCELLED, "Job cancelled", Refusal("Build cancelled"))
        except PushError as error:
            self._end(State.FAILED, str(error), Refusal("Build failed"))
        else:
            self._conclude(output)
        finally:
            self._on_end()

    def _conclude(self, output: str) -> None:
        if self._script.reason:
            self._end(State.FAILED, "", Refusal(self._script.reason))
        elif self._fail:
            self._end(State.FAILED, self._fail, Refusal("Build failed"))
        else:
            self.record.output = output
            self._end(State.SUCCEEDED, "Job succeeded", output)

    def _end(self, state: State, word: str, outcome: str | Refusal) -> None:
        if self.record.ended:
            return
        self.record.state = state
        self.job.data.write(f"{word}\n".encode() if word else b"")
        if isinstance(outcome, Refusal):
            self.job.fail(outcome)
        else:
            self.job.succeed(outcome)

    async def _write_lines(self) -> None:
        script, start = self._script, time.monotonic()
        for number in range(script.lines):
            if number == script.lost_at:
                self._lose()
            if number == script.reset_at:
                self._reset()
            self.job.data.write(_line(script, number))
            if script.pace:
                await asyncio.sleep(max(0.0, start + (number + 1) / script.pace - time.monotonic()))
            elif number % _BURST == _BURST - 1:
                await asyncio.sleep(0)

    async def _output(self) -> str:
        script, description = self._script, self.record.description
        if script.output is not None:
            return script.output
        if not description.push_target or not description.push_user:
            return ""
        target = description.push_target
        self.job.data.write(f'Pushing to "{target}" as user "{description.push_user}"\n'.encode())
        commits = " ".join(description.commits)
        image = Image(
            architecture=ARCHITECTURES.get(self.record.pool, "amd64"),
            layer=script.layer,
            command=script.command,
            built=f"{description.repository} {commits} {self.record.pool} {' '.join(description.build_args)}",
        )
        return await asyncio.to_thread(push, image, target, description.push_user, description.push_password)


def _line(script: Script, number: int) -> bytes:
    head = b"%d %06d " % (time.monotonic_ns(), number) if script.stamped else b"%06d " % number
    return head.ljust(script.width - 1, b"x") + b"\n"
