"""Make the database ready for this version."""

from __future__ import annotations

from typing import Any

from core.management import starting
from core.management.base import DeployerCommand


class Command(DeployerCommand):
    help = (
        "Make the database ready for this version: wait for it, apply the migrations that are missing, make the "
        "schedules, and declare the flavours that DEPLOYER_FLAVOURS names. Run it before web, runner and qcluster, as "
        "often as you like; of several at once one does it, and the others wait."
    )

    def handle(self, *_: Any, **__: Any) -> None:
        starting.prepare()
