"""Finding out which runners are gone, by looking at the world: at once on this host, by lease anywhere."""

from __future__ import annotations

import os
import shutil
import socket
from datetime import datetime
from pathlib import Path

from core.configuration import Configuration
from core.models import Runner
from core.services import jobs, runners


def boot_of(process: int) -> str:
    """What tells a process from an earlier or later one with its number; empty when there is none.

    The boot's id and the process's start time in clock ticks since then: field 22 of /proc/PID/stat (proc(5)).
    """
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "" if state in "ZX" else f"{boot}:{started}"


def take_up(configuration: Configuration, now: datetime) -> int:
    """Free what lost runners left behind; answer how many jobs that were."""
    here = Runner.objects.filter(host=socket.gethostname())
    gone = [row.name for row in here if boot_of(row.process) != row.boot]
    freed = runners.leave(gone, now) if gone else 0
    for name in gone:
        shutil.rmtree(configuration.data_dir / "scratch" / name, ignore_errors=True)
    return freed + jobs.take_back(None, now)


def register(name: str, now: datetime) -> None:
    """Write this process down as a runner."""
    runners.register(name, socket.gethostname(), os.getpid(), boot_of(os.getpid()), now)
