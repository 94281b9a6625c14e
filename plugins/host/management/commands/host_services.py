"""Start, end or show the services that the deployer `host` runs on this host."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.api import OperationError
from plugins.host import services


class Command(BaseCommand):
    help = (
        "Start, end or show the services that run on this host. They go on when the deployer ends, and have to be "
        "started after the host was."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("verb", choices=["start", "stop", "status"])
        parser.add_argument(
            "--data",
            type=Path,
            default=settings.DEPLOYER.data_dir / "plugins" / "host",
            help="what the plugin keeps on this host (default: %(default)s)",
        )

    def handle(self, *_: Any, verb: str, data: Path, **__: Any) -> None:
        try:
            match verb:
                case "start":
                    self._say("started", asyncio.run(services.start_all(data)))
                case "stop":
                    self._say("ended", asyncio.run(services.stop_all(data)))
                case _:
                    self._show(asyncio.run(services.show_all(data)))
        except OperationError as error:
            raise CommandError(str(error)) from None

    def _say(self, done: str, names: list[str]) -> None:
        self.stdout.write(f"{done}: {', '.join(names)}" if names else f"There was nothing to be {done}.")

    def _show(self, rows: list[services.Shown]) -> None:
        width = max((len(row.name) for row in rows), default=0)
        for row in rows:
            digest = (row.seen.digest or "").removeprefix("sha256:")[:12]
            self.stdout.write(
                f"{row.name:{width}}  {row.seen.health:9}  {digest:12}  {row.seen.detail}  ({row.directory})"
            )
        if not rows:
            self.stdout.write("No service was ever deployed here.")
