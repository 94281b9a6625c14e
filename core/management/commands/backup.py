"""Write everything that is needed to go on into one file."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.template.defaultfilters import filesizeformat

from core import configuration
from core.engine import keeping_logs
from core.errors import ConfigurationError, OperationError
from core.logs import places
from core.logs.shelves import SUFFIX
from core.logs.store import LogStore, is_name
from core.management import archive, database, database_copies
from core.management.archive import KEY, LOGS, PLUGINS, Manifest
from core.management.base import DeployerCommand
from core.versions import VERSION


class Command(DeployerCommand):
    help = (
        "Write everything that is needed to go on into one file: the database, the logs, what plugins keep, and the signing "
        "key. Whatever runs may go on meanwhile. The file holds secrets: only you may read it. `restore` reads it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="for example `deployer.tar.zst`")
        parser.add_argument(
            "--with-log-store",
            action="store_true",
            help="copy the logs that are in DEPLOYER_LOG_STORE too; without it they stay there, and are found there again",
        )
        parser.add_argument("--replace", action="store_true", help="write it even if there is a file of this name")

    def handle(self, *_: Any, file: Path, replace: bool, with_log_store: bool, **__: Any) -> None:
        if file.exists() and not replace:
            raise CommandError(f"{file} is there already: take another name, or give --replace")
        try:
            with database.needed():
                self._write(file.absolute(), with_log_store=with_log_store)
        except (ConfigurationError, OperationError) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror}: {error.filename or file}") from None

    def _write(self, file: Path, *, with_log_store: bool) -> None:
        own = configuration.current()
        if file.is_relative_to(own.logs_dir) or file.is_relative_to(own.data_dir / PLUGINS):
            raise ConfigurationError(f"{file} would become part of itself: take another directory")
        now = datetime.now(UTC)
        with archive.writing(file) as writer:
            # The database first: the logs that it knows of are there, and may be longer.
            self.stdout.write(f"The database ({connection.vendor}).")
            migrations, tables = database_copies.save(writer, file.parent)
            self.stdout.write(f"The logs in {own.logs_dir}.")
            # What is packed meanwhile would be missed in both its forms.
            with keeping_logs.alone(places.store(), patient=True):
                logs = writer.add_tree(LOGS, own.logs_dir, growing=True)
                if with_log_store:
                    logs += self._add_moved_logs(writer, places.store())
            self.stdout.write(f"What plugins keep in {own.data_dir / PLUGINS}.")
            kept = writer.add_tree(PLUGINS, own.data_dir / PLUGINS)
            if not own.secret_key:
                with (own.data_dir / KEY).open("rb") as key:
                    writer.add(KEY, key, 0o600)
            writer.finish(
                Manifest(
                    version=VERSION,
                    at=now.isoformat(),
                    database=connection.vendor,
                    migrations=migrations,
                    tables=tables,
                )
            )
        size = filesizeformat(file.stat().st_size).replace("\xa0", " ")
        self.stdout.write(f"{file}: {size}, with the database, {logs} files of logs and {kept} of plugins.")
        if own.secret_key:
            self.stdout.write("The signing key is not in it: keep DEPLOYER_SECRET_KEY yourself.")
        if own.log_store and not with_log_store:
            self.stdout.write(f"The logs in {places.name()} are not in it: they are found there again.")
        self.stdout.write("Secrets in the environment or in DEPLOYER_SECRETS_DIR are not in it either.")

    def _add_moved_logs(self, writer: archive.Writer, store: LogStore) -> int:
        """Add the logs that were moved, as files on the disk: there they are found, and moved again if that is wished."""
        if store.shelf is None:
            return 0
        self.stdout.write(f"The logs in {places.name()}.")
        here = {name for name, _ in store.loose()}
        names = [name for name in store.shelf.sizes("") if is_name(name) and name not in here]
        for name in names:
            with tempfile.TemporaryFile(dir=store.root) as file:
                store.shelf.copy(name, file)
                file.flush()
                file.seek(0)
                writer.add(f"{LOGS}/{name}{SUFFIX}", file)
        return len(names)
