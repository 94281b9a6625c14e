"""A tree of processes: the embedded default runs web, runner and qcluster as children of one command.

A child that dies is started again; all of them end with the command, however that ends: what a killed command left is
found by the leash that its children hold, and ended before new ones start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from core.processes import Leash

logger = logging.getLogger(__name__)

#: Seconds before a child that died is started again: doubled each time, up to the second value.
_FIRST_PAUSE, _LAST_PAUSE = 0.5, 30.0
#: Seconds that children are given to end: more than a runner gives to its deployments.
_GRACE = 20.0


class Tree:
    """Children by name, in the order in which they are started; they are stopped in the same order.

    :param output: where the children write; None for this process's own output.
    """

    def __init__(self, children: Mapping[str, Sequence[str]], leash: Path, output: Path | None = None) -> None:
        self._commands = children
        self._leash = Leash(leash)
        self._output = output
        self._starts: dict[str, asyncio.Task[asyncio.subprocess.Process]] = {}
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Have `run` stop the children and return."""
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    async def run(self) -> None:
        """Keep the children alive until `stop` is called."""
        async with self._leash.held() as leash:
            keepers = [asyncio.create_task(self._keep(name, leash)) for name in self._commands]
            try:
                await self._stopping.wait()
            finally:
                await self._end()
                for keeper in keepers:
                    keeper.cancel()
                await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, name: str, leash: int) -> None:
        pause = _FIRST_PAUSE
        while not self.stopping:
            started = asyncio.get_running_loop().time()
            self._starts[name] = asyncio.create_task(self._start(name, leash))
            process = await self._starts[name]
            status = await process.wait()
            if self.stopping:
                return
            if asyncio.get_running_loop().time() - started > _LAST_PAUSE:
                pause = _FIRST_PAUSE
            logger.error("%s ended with status %s; it is started again in %s s", name, status, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_PAUSE)

    async def _start(self, name: str, leash: int) -> asyncio.subprocess.Process:
        mortal = ("setpriv", "--pdeathsig", "TERM", "--") if shutil.which("setpriv") else ()
        with self._opened_output() as output:
            return await asyncio.create_subprocess_exec(
                *mortal,
                *self._commands[name],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C in a terminal reaches the command alone, which then stops its children in order.
                start_new_session=True,
                pass_fds=(leash,),
            )

    @contextlib.contextmanager
    def _opened_output(self) -> Iterator[IO[bytes] | None]:
        if self._output is None:
            yield None
        else:
            with self._output.open("ab") as file:
                yield file

    async def _end(self) -> None:
        # A child that is just being started is waited for: only then can the whole of it be ended.
        starts = await asyncio.gather(*self._starts.values(), return_exceptions=True)
        processes = [start for start in starts if not isinstance(start, BaseException)]
        alive = [process for process in processes if process.returncode is None]
        for process in alive:
            process.send_signal(signal.SIGTERM)
        waits = [asyncio.create_task(process.wait()) for process in alive]
        if waits:
            await asyncio.wait(waits, timeout=_GRACE)
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def command(name: str, *arguments: str) -> tuple[str, ...]:
    """The command line of one of our own management commands."""
    return (sys.executable, "-m", "django", name, *arguments)
