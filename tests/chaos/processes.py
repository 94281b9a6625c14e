"""Processes on the hosts of the world, kept alive as an init system would, killed and paused as the world would."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.e2e.harness import ROOT

#: Seconds before one that has ended by itself is started again.
PATIENCE = 0.5


@dataclass
class Service:
    """A command on a host, in a session of its own.

    :param grouped: whether what is left of it goes before it is started again, as with systemd's `KillMode=control-group`.
    :ivar kept: whether it is started again when it ends.
    :ivar ends: how often it ended without having been killed here.
    """

    name: str
    host: str
    command: Sequence[str]
    env: Mapping[str, str]
    output: Path
    grouped: bool = True
    kept: bool = False
    ends: int = 0
    process: subprocess.Popen[bytes] | None = None
    _ended_at: float | None = None
    _killed: bool = False
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def start(self) -> None:
        with self._lock:
            if self.process is not None and self.process.poll() is None:
                return
            if self.grouped:
                self._signal_all(signal.SIGKILL)
            with self.output.open("ab") as output:
                self.process = subprocess.Popen(
                    self.command, env=self.env, cwd=ROOT, stdout=output, stderr=output, start_new_session=True
                )
            self.kept, self._ended_at, self._killed = True, None, False

    def kill(self, *, whole: bool = True, nth: int = 0) -> None:
        """kill -9: all of its processes at once, or one of them."""
        with self._lock:
            members = self.members()
            self._killed = True
            for process in members if whole else members[nth % len(members) :][:1]:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            if whole and self.process:
                self.process.wait()

    def stop(self) -> None:
        """Kill it for good."""
        with self._lock:
            self.kept = False
            if self.process:
                self.resume()
                self.kill()

    def pause(self) -> None:
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def look(self) -> None:
        """Start it again if it has ended a while ago."""
        with self._lock:
            if not self.kept or self.process is None or self.process.poll() is None:
                return
            if self._ended_at is None:
                self._ended_at = time.monotonic()
                self.ends += not self._killed
            if time.monotonic() - self._ended_at >= PATIENCE:
                self.start()

    def members(self) -> list[int]:
        """Its processes, the first one first."""
        if self.process is None:
            return []
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError, ValueError):
                # The session: field 6 of /proc/PID/stat (proc(5)).
                if int((entry / "stat").read_text().rpartition(")")[2].split()[3]) == self.process.pid:
                    found.append(int(entry.name))
        return sorted(found)

    def _signal_all(self, number: int) -> None:
        for process in self.members():
            with suppress(ProcessLookupError):
                os.kill(process, number)


class Init:
    """Keeps services alive, in a thread."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name="init")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for service in self._services.values():
            service.stop()

    def _keep(self) -> None:
        while not self._over.wait(0.1):
            for service in list(self._services.values()):
                service.look()
