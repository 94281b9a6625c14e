"""Run a runner."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core import configuration, journal
from core.engine.runner import Runner
from core.management import preconditions, starting
from core.management.base import DeployerCommand
from core.services.scope import Scope


class Command(DeployerCommand):
    help = (
        "Run a runner: it looks at repositories and services, claims jobs and runs them. "
        "Start as many as you like, on any host that reaches the database. SIGTERM stops it after what it must finish."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--flavour", default="", help="look after this flavour alone")
        parser.add_argument("--repository", default="", metavar="OWNER/NAME", help="look after this repository alone")

    def handle(self, *_: Any, flavour: str, repository: str, **__: Any) -> None:
        # A loop beside threads that work in the database gets its turn ten times sooner than by default.
        sys.setswitchinterval(0.0005)
        starting.wait()
        preconditions.fits()
        runner = Runner(configuration.current(), Scope(flavour, repository))
        journal.always(runner=runner.name)
        asyncio.run(_run(runner))
        if runner.failure:
            raise CommandError(runner.failure, returncode=preconditions.WRONG)


async def _run(runner: Runner) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, runner.stop)
    await runner.run()
