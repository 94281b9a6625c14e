"""Put what `backup` wrote in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import configuration
from core.errors import ConfigurationError
from core.management import database, restoring


class Command(BaseCommand):
    help = (
        "Put what `backup` wrote into the data directory and the database that the environment names. Stop everything "
        "first, the deployer that the backup is of too: two that deploy the same services get in each other's way. "
        "The whole file is checked before anything is changed."
    )
    # The data directory is what it is about to make.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
        parser.add_argument(
            "--replace", action="store_true", help="even where there is something already; files are kept beside"
        )

    def handle(self, *_: Any, file: Path, replace: bool, **__: Any) -> None:
        own = configuration.current()
        try:
            with database.needed():
                manifest = restoring.restore(file, own, replace=replace, tell=self.stdout.write)
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{own.data_dir} cannot be written: {error.strerror}: {error.filename}") from None
        self.stdout.write(
            f"Restored into {own.data_dir}: what version {manifest.version} had at {manifest.at[:19]} UTC, with "
            f"{len(manifest.files)} files. Start the deployer as before: `manage.py run_pipeline --flavour NAME`."
        )
        if "secret_key" not in manifest.files and not own.secret_key:
            self.stdout.write("It has no signing key: set DEPLOYER_SECRET_KEY, or everybody has to log in again.")
