"""Keeps one service's process running: a program of its own, `python -m plugins.host.supervisor DIRECTORY`.

It detaches itself from whoever starts it and outlives them. In the service's directory it finds the link `current` and,
beside the release that it points to, how that is run; it writes `state.json` and `service.log`. A lock makes it the
only one of its directory. SIGHUP says that `current` may have moved, and it looks again. SIGTERM ends the process, with
all that it started, and the supervisor.

Nothing but the standard library is imported here, so that it starts at once and stays small.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plugins.host.files import lock_file, read_json, write_json
from plugins.host.processes import end, marked
from plugins.host.rotating import RotatingLog

#: What is on every process of a service, so that it is found again after a crash.
MARK = "DEPLOYER_SERVICE"
#: Exit status when another supervisor has the directory.
TAKEN = 3
#: Seconds before the first restart, and at most; after so many seconds of running, the first again.
_FIRST_BACKOFF, _LONGEST_BACKOFF, _STEADY = 0.5, 30.0, 30.0
_CHUNK = 1 << 16


class Supervisor:
    """The supervisor of one directory; `run` returns when it is asked to end.

    :param wake: the descriptor that becomes readable when a signal arrived.
    """

    def __init__(self, directory: Path, wake: int) -> None:
        self._directory = directory
        self._wake = wake
        self._release = ""
        self._spec: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._started_at = ""
        self._restarts = 0
        self._backoff = _FIRST_BACKOFF
        self._restart_at = 0.0
        self._last_exit = ""
        self._log = RotatingLog(directory / "service.log")
        self.ending = False
        self.looking = True

    def run(self) -> None:
        """Keep the process running until `ending`."""
        end(lambda: marked(MARK, str(self._directory)))
        while not self.ending:
            if self.looking:
                self._look()
            if not self._process and time.monotonic() >= self._restart_at:
                self._start()
            self._pump(self._pause())
            self._reap()
        self._stop()
        self._write_state()

    def _look(self) -> None:
        """Read which release is current; move to it when it is another."""
        self.looking = False
        release = current(self._directory)
        if release == self._release and self._process:
            return
        self._stop()
        self._release = release
        self._spec = read_json(self._directory / "releases" / f"{release}.json").get("spec", {}) if release else {}
        self._restarts, self._backoff, self._restart_at, self._last_exit = 0, _FIRST_BACKOFF, 0.0, ""

    def _start(self) -> None:
        if not self._spec.get("command"):
            self._restart_at = float("inf")
            self._write_state()
            return
        self._started, self._started_at = time.monotonic(), _now()
        try:
            self._process = self._spawn()
        except (OSError, ValueError) as error:
            self._last_exit = f"cannot be started: {error}"
            self._log.write(f"{_now()} {self._last_exit}\n".encode())
            self._put_off()
        self._write_state()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self._spec["command"],
            cwd=self._directory / "releases" / self._release,
            env={**self._spec.get("env", {}), MARK: str(self._directory)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            start_new_session=True,
        )

    def _pause(self) -> float | None:
        """Seconds until something is to be done without a signal; None for never."""
        if self._process or self._restart_at == float("inf"):
            return None
        return max(self._restart_at - time.monotonic(), 0)

    def _pump(self, seconds: float | None) -> None:
        """Wait for a signal, and copy what the process prints meanwhile."""
        output = self._process.stdout if self._process else None
        watched = [self._wake, *([output.fileno()] if output and not output.closed else [])]
        ready, _, _ = select.select(watched, [], [], seconds)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, _CHUNK)
        if output and not output.closed and output.fileno() in ready:
            chunk = os.read(output.fileno(), _CHUNK)
            self._log.write(chunk)
            if not chunk:
                output.close()

    def _reap(self) -> None:
        """Notice that the process ended: with it ends what it started, and it is started again, later each time."""
        if not self._process or self._process.poll() is None:
            return
        status = self._process.returncode
        self._last_exit = f"ended by signal {-status}" if status < 0 else f"exited with status {status}"
        self._clear_away()
        self._log.write(f"{_now()} {self._last_exit}\n".encode())
        self._put_off()
        self._write_state()

    def _put_off(self) -> None:
        if time.monotonic() - self._started > _STEADY:
            self._backoff = _FIRST_BACKOFF
        self._restart_at = time.monotonic() + self._backoff
        self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF)
        self._restarts += 1

    def _stop(self) -> None:
        """Ask the process's group to end, then end it."""
        if not self._process:
            return
        _signal_group(self._process.pid, signal.SIGTERM)
        deadline = time.monotonic() + float(self._spec.get("stop_timeout", 10))
        while self._process.poll() is None and (left := deadline - time.monotonic()) > 0:
            self._pump(min(left, 1))
        self._clear_away()

    def _clear_away(self) -> None:
        """End what is left of the process's group, and read what it still had to say."""
        assert self._process
        assert self._process.stdout
        _signal_group(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if not self._process.stdout.closed:
            os.set_blocking(self._process.stdout.fileno(), False)
            with contextlib.suppress(BlockingIOError):
                while chunk := os.read(self._process.stdout.fileno(), _CHUNK):
                    self._log.write(chunk)
            self._process.stdout.close()
        self._process = None
        end(lambda: marked(MARK, str(self._directory)))

    def _write_state(self) -> None:
        state = {
            "supervisor": os.getpid(),
            "release": self._release,
            "pid": self._process.pid if self._process else None,
            "started": self._started_at,
            "restarts": self._restarts,
            "last_exit": self._last_exit,
        }
        with contextlib.suppress(OSError):  # a full disk must not end a service
            write_json(self._directory / "state.json", state)


def current(directory: Path) -> str:
    """The name of the release that the link points to; empty when there is none."""
    try:
        target = (directory / "current").readlink()
    except OSError:
        return ""
    is_release = target.parent == Path("releases") and (directory / target).is_dir()
    return target.name if is_release else ""


def detach(errors: Path) -> bool:
    """Leave whoever started this: True in the new process, which has no terminal and no open files of theirs.

    The old process may end only when the new one is out of its reach.

    :param errors: where the new one says why it failed, if ever.
    """
    ready, done = os.pipe()
    if os.fork():
        os.close(done)
        os.read(ready, 1)
        return False
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    said = os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard, file in enumerate((null, null, said)):
        os.dup2(file, standard)
    for descriptor in (null, said, ready, done):
        os.close(descriptor)
    return True


def main(arguments: Sequence[str]) -> int:
    """Become the supervisor of a directory, unless it has one."""
    directory = Path(arguments[0]).resolve()
    with lock_file(directory / "supervisor.lock") as lock:
        if not _take(lock):
            return TAKEN
        os.ftruncate(lock, 0)
        if detach(directory / "service.log"):
            os.chdir("/")
            _serve(directory, lock)
        # Not a return: the lock is given back by the kernel, when nothing of this process is left.
        os._exit(0)


def _take(lock: int) -> bool:
    """Take the lock; somebody who only looks whether it is taken has it for a moment."""
    for _ in range(20):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        time.sleep(0.02)
    return False


def _serve(directory: Path, lock: int) -> None:
    wake, waker = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(waker, False)
    supervisor = Supervisor(directory, wake)

    def arrived(number: int, _: object) -> None:
        if number == signal.SIGHUP:
            supervisor.looking = True
        elif number != signal.SIGCHLD:
            supervisor.ending = True

    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, arrived)
    # Only now: nobody signals a supervisor that would not understand it yet.
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    supervisor.run()


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
