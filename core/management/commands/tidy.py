"""Remove what nobody needs any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import CommandParser

from core import clock
from core.engine.tidying import Round
from core.management import database
from core.management.base import DeployerCommand
from core.models import Flavour
from core.services import tidyings


class Command(DeployerCommand):
    help = (
        "Remove what nobody needs any more, as each flavour's policy says: logs of old jobs, old check builds and closed "
        "refs, and images of releases that nobody can go back to. What is live, offered for going back, or still to be done "
        "stays however old it is. It is done once a day by itself; here it is done now, by this process."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go, and how much room it takes")

    def handle(self, *_: Any, dry_run: bool, **__: Any) -> None:
        with database.needed():
            for flavour in Flavour.objects.filter(retired_at=None):
                self.stdout.write(f"{flavour.name}: {tidyings.policy(flavour.kept)}.")
            row = None if dry_run else tidyings.begin(clock.now())
            round_ = Round(_in_database, row=row.pk if row else None, dry=dry_run)
            try:
                asyncio.run(round_.run())
            finally:
                if row:
                    tidyings.finish(row.pk, round_.removed, round_.faults, clock.now())
        verb = "Would remove" if dry_run else "Removed"
        self.stdout.write(f"{verb} {tidyings.told(round_.removed)}.")
        for fault in round_.faults:
            self.stderr.write(fault)


async def _in_database(function: Callable[[], Any]) -> Any:
    return await sync_to_async(function)()
