"""Finding out which runners are gone, by looking at the world: at once on this host, by lease anywhere."""

from __future__ import annotations

import os
import shutil
from datetime import datetime, timedelta

from core.configuration import Configuration
from core.models import Runner
from core.services import jobs, runners
from core.vitals import boot_of, host


def take_up(configuration: Configuration, now: datetime) -> int:
    """Free what lost runners left behind; answer how many jobs that were."""
    here = Runner.objects.filter(host=host(), gone_at=None)
    gone = [row.name for row in here if boot_of(row.process) != row.boot]
    freed = runners.miss(gone, now) if gone else 0
    for name in gone:
        shutil.rmtree(configuration.data_dir / "scratch" / name, ignore_errors=True)
    return freed + jobs.take_back(None, now)


def register(name: str, now: datetime, lease: timedelta) -> None:
    """Write this process down as a runner."""
    runners.register(name, host(), os.getpid(), boot_of(os.getpid()), now, lease)
