"""The deployer's side of a supervisor: starting it, looking at it, asking it to look again, ending it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.api import CommandFailed, OperationError, ask
from plugins.host import processes, supervisor
from plugins.host.commands import SYSTEM_PATH
from plugins.host.files import lock_file, read_json

#: Seconds in which a supervisor does what it was asked to, beyond the time that the process may take to end.
_PATIENCE = 5.0
_INTERVAL = 0.02
#: The directory that holds the package `plugins`: where the supervisor's Python finds it.
_PACKAGES = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a supervisor does now.

    :param alive: False when there is none; `restarts` and `last_exit` are then of the last one.
    :param release: what it has taken up; empty before it has.
    :param process: the number of the service's process; None between two starts of it.
    """

    alive: bool
    release: str
    process: int | None
    started: datetime | None
    restarts: int
    last_exit: str

    def runs(self, release: str) -> bool:
        return self.alive and self.process is not None and self.release == release


def look(directory: Path) -> State:
    """Read what the supervisor of this directory does."""
    kept, supervisor_process = read_json(directory / "state.json"), _pid(directory)
    current = supervisor_process is not None and kept.get("supervisor") == supervisor_process
    started = kept.get("started")
    return State(
        alive=supervisor_process is not None,
        release=kept.get("release", "") if current else "",
        process=kept.get("pid") if current else None,
        started=datetime.fromisoformat(started) if started else None,
        restarts=kept.get("restarts", 0),
        last_exit=kept.get("last_exit", ""),
    )


async def run(directory: Path, release: str, *, stop_timeout: float) -> None:
    """Have the current release run, under the supervisor that there is or a new one.

    :param release: the name of the current release.
    :param stop_timeout: seconds that the former release may take to end.
    :raises OperationError: no supervisor takes it up.
    """
    if _signal(directory, signal.SIGHUP) and await _until(lambda: _took_up(directory, release), stop_timeout):
        return
    await stop(directory, stop_timeout=stop_timeout)
    await start(directory)
    if not await _until(lambda: _took_up(directory, release), 0):
        raise OperationError(f"the supervisor of {directory} does not start {release}; see service.log there")


async def start(directory: Path) -> None:
    """Start the supervisor of this directory, unless there is one.

    :raises OperationError: it cannot be started.
    """
    environment = {"PATH": ":".join(SYSTEM_PATH), "LANG": "C.UTF-8", "PYTHONPATH": str(_PACKAGES)}
    command = (sys.executable, "-P", "-m", supervisor.__name__, str(directory))
    try:
        await ask(command, cwd=Path("/"), env=environment)
    except CommandFailed as error:
        if error.status != supervisor.TAKEN:
            raise OperationError(f"the supervisor of {directory} cannot be started: {error}") from error


async def stop(directory: Path, *, stop_timeout: float) -> None:
    """End the supervisor of this directory and all processes of the service; nothing if there are none.

    :raises OperationError: something cannot be ended.
    """
    if _signal(directory, signal.SIGTERM) and not await _until(lambda: _pid(directory) is None, stop_timeout):
        _signal(directory, signal.SIGKILL)
        await _until(lambda: _pid(directory) is None, 0)
    left = str(directory.resolve())
    if not await asyncio.to_thread(processes.end, lambda: processes.marked(supervisor.MARK, left)):
        raise OperationError(f"processes of the service in {directory} cannot be ended")


def _took_up(directory: Path, release: str) -> bool:
    state = look(directory)
    return state.alive and state.release == release


def _pid(directory: Path) -> int | None:
    """The number of the supervisor's process, which has the lock; 0 when it only just took it, None when nobody has."""
    with contextlib.suppress(OSError), lock_file(directory / "supervisor.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.pread(lock, 20, 0) or 0)
    return None


def _signal(directory: Path, number: int) -> bool:
    """Signal the supervisor; False when there is none."""
    process = _pid(directory)
    if not process or str(directory.resolve()).encode() not in _words(process):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)
    return True


def _words(process: int) -> list[bytes]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = asyncio.get_running_loop().time() + seconds + _PATIENCE
    while not condition():
        if asyncio.get_running_loop().time() > deadline:
            return False
        await asyncio.sleep(_INTERVAL)
    return True
