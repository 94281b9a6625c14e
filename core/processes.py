"""Commands of the operating system, run from the event loop. Nothing else in the project starts a process for a job.

A command is a sequence of words and never meets a shell. It runs in a process group of its own, which ends when the
await is cancelled. When the runner itself is killed, the command is killed by the kernel (`setpriv --pdeathsig`), and
whatever it leaves behind holds the job's *leash*, a locked file whose descriptor every descendant inherits: `Leash`
ends those before the job is run again, so that no operation runs twice at once on a host.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from io import FileIO
from pathlib import Path

from core.errors import SHORT_OF, CommandFailed, OperationError, Stalled, Waiting
from core.operation_values import Log

#: Bytes of a pipe that a command prints into, and read from it at once.
_PIPE = 1 << 18
#: Seconds that a pipe is left to fill after it held less than a quarter. Measured with 200,000 lines: a third less of the
#: processor than reading each of the command's writes by itself.
_BREATH = 0.001
#: Seconds between asking a command to end (SIGTERM) and ending it (SIGKILL).
_GRACE = 5.0
#: How C's library, and so nearly every program, tells that the host has too little of something.
_SHORT_OF = tuple(os.strerror(number) for number in SHORT_OF)


async def run(
    command: Sequence[str],
    *,
    log: Log,
    leash: int | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    echo: str = "",
) -> None:
    """Run a command, its output into the log.

    :param leash: the descriptor from `Context`, so that no descendant outlives the job unnoticed.
    :param echo: what the log shows as the command line, where that is not the command itself.
    :raises CommandFailed: it exited with a status other than 0.
    :raises Stalled: it is not installed.
    """
    log.note("$ " + (echo or shlex.join(command)))
    with _pipe() as (output, printed):
        async with _process(command, leash, cwd, env, stdin, printed, asyncio.subprocess.STDOUT) as process:
            printed.close()
            await _pour(output, log)
            status = await process.wait()
    if status:
        raise CommandFailed((echo or command[0]).split()[0], status)


async def ask(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    leash: int | None = None,
) -> bytes:
    """Run a command and answer its standard output.

    :raises CommandFailed: it exited with a status other than 0; its standard error is in the text.
    :raises OperationError: it failed as its host has too little space, memory or open files, which passes.
    :raises Stalled: it is not installed.
    """
    both = asyncio.subprocess.PIPE
    async with _process(command, leash, cwd, env, stdin, both, both) as process:
        output, errors = await process.communicate()
        status = process.returncode or 0
    if status:
        said = errors.decode(errors="replace").strip()
        if short := [line for line in said.splitlines() if any(each in line for each in _SHORT_OF)]:
            raise OperationError(f"{command[0]}: {short[0][:500]}")
        raise CommandFailed(command[0], status, said[-2000:])
    return output


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[FileIO, FileIO]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    with FileIO(reading) as output, FileIO(writing, "w") as printed:
        with contextlib.suppress(OSError):  # the user's limit is reached: a smaller pipe does as well
            fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, _PIPE)
        yield output, printed


async def _pour(output: FileIO, log: Log) -> None:
    """Hand on what is printed into a pipe until nobody can print into it any more."""
    while (chunk := output.read(_PIPE)) != b"":
        if chunk is None:
            await _readable(output)
        else:
            log.write(chunk)
            await asyncio.sleep(_BREATH if len(chunk) < _PIPE // 4 else 0)


async def _readable(file: FileIO) -> None:
    ready = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(file, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(file)


@contextlib.asynccontextmanager
async def _process(
    command: Sequence[str],
    leash: int | None,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: bytes,
    stdout: int | FileIO,
    stderr: int,
) -> AsyncIterator[asyncio.subprocess.Process]:
    if not shutil.which(command[0], path=(env or os.environ).get("PATH")):
        raise Stalled(f"{command[0]} is not installed on this host")
    with tempfile.TemporaryFile() as readable:
        readable.write(stdin)
        readable.seek(0)
        starting = asyncio.ensure_future(
            asyncio.create_subprocess_exec(
                *_mortal(),
                *command,
                cwd=cwd,
                env=env,
                stdin=readable,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=() if leash is None else (leash,),
            )
        )
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            # Left to itself, asyncio kills the first process alone: whatever that has started already would live on.
            await asyncio.shield(_end_started(starting))
            raise
    try:
        yield process
    finally:
        await asyncio.shield(_end(process))


def _mortal() -> Sequence[str]:
    # By its path: the command may be given a PATH that does not have it.
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


async def _end_started(starting: asyncio.Future[asyncio.subprocess.Process]) -> None:
    with contextlib.suppress(OSError):
        await _end(await starting)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a command's whole group: what it left in the background when it is done, all of it when it is not."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await process.wait()
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class Leash:
    """A lock that a job's processes inherit, so that what a killed runner left behind can be found and ended.

    :param path: one file for each operation that must not run twice at once on this host.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()

    @contextlib.asynccontextmanager
    async def held(self) -> AsyncIterator[int]:
        """Hold it, after ending whoever holds it still; the value is for `run` and `ask`.

        :raises Waiting: what held it could not be ended.
        """
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            await self._lock(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    async def _lock(self, descriptor: int) -> None:
        for _ in range(100):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                for holder in await asyncio.to_thread(self._holders):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(holder, signal.SIGKILL)
                await asyncio.sleep(0.05)
        raise Waiting("processes of an earlier run of this job cannot be ended on this host", retry_in=10)

    def _holders(self) -> list[int]:
        """Ask the kernel which other processes have the file open; no process number was remembered to go stale."""
        holders = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if any(os.path.realpath(fd) == str(self._path) for fd in (process / "fd").iterdir()):
                    holders.append(int(process.name))
        return [holder for holder in holders if holder != os.getpid()]
