"""Putting what a backup holds in the place of a data directory, and of a database."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection, connections

from core.configuration import Configuration
from core.errors import ConfigurationError
from core.logs.shelves import sync_directory
from core.management import archive, database_copies
from core.management.archive import DATABASE, KEY, LOGS, PLUGINS, Manifest
from core.management.preconditions import alone
from core.versions import VERSION

#: As `Configuration.database` names it.
DATABASE_FILE = "deployer.sqlite3"
#: What SQLite keeps beside its file.
_BESIDE = ("-wal", "-shm", "-journal")
_NUMBERS = re.compile(r"\d+(\.\d+)*")


def restore(path: Path, configuration: Configuration, *, replace: bool, tell: Callable[[str], None]) -> Manifest:
    """Put a backup in place. Everything is checked before anything is changed.

    :param replace: even where there is something already; it is kept beside.
    :raises ConfigurationError: it cannot be done, and nothing was changed; says what to do.
    """
    data = configuration.data_dir
    with alone(data):
        kept = _kept(configuration)
        if kept and not replace:
            raise ConfigurationError(
                f"{kept[0]} is there already: set DEPLOYER_DATA_DIR (and DEPLOYER_DATABASE_URL) to an empty place, or "
                "give --replace to have the backup in its place"
            )
        with tempfile.TemporaryDirectory(dir=data, prefix=".restore-") as name:
            staged = Path(name)
            tell(f"Checking {path}.")
            manifest = archive.unpack(path, staged)
            _check(path, manifest)
            tell(f"It is whole: {len(manifest.files)} files. Putting it in place.")
            if manifest.database == "postgresql":
                database_copies.load_tables(manifest, staged)
            if beside := _exchange(staged, data):
                tell(f"What was there before is in {beside}: remove it when all is well.")
        connections.close_all()
        call_command("migrate", verbosity=0, interactive=False)
    return manifest


def _check(path: Path, manifest: Manifest) -> None:
    newer = "install that version of the deployer, or a newer one, and try again"
    if manifest.format > archive.FORMAT or _number(manifest.version) > _number(VERSION):
        raise ConfigurationError(f"{path} was written by version {manifest.version}, this is {VERSION}: {newer}")
    if unknown := database_copies.unknown(manifest):
        raise ConfigurationError(
            f"{path} was written by version {manifest.version} with migrations that are not here ({unknown[0]}): "
            f"{newer}; or install the plugin that it is of"
        )
    if manifest.database != connection.vendor:
        advice = (
            "leave DEPLOYER_DATABASE_URL empty"
            if manifest.database == "sqlite"
            else "set DEPLOYER_DATABASE_URL to a PostgreSQL database"
        )
        raise ConfigurationError(
            f"{path} has the database of {manifest.database}, this is {connection.vendor}: {advice}"
        )


def _number(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _kept(configuration: Configuration) -> list[str]:
    """What there is already. Not the signing key: this command's own start has made one where none was."""
    places = [configuration.data_dir / name for name in (DATABASE_FILE, LOGS, PLUGINS)]
    found = [str(place) for place in places if place.is_file() or (place.is_dir() and any(place.iterdir()))]
    return found + (["the database"] if connection.vendor != "sqlite" and database_copies.occupied() else [])


def _exchange(staged: Path, data: Path) -> Path | None:
    """Move what was unpacked into place; answer where what was there before is, if there was anything.

    The database comes last: without it, whoever was interrupted starts this command once more.
    """
    before = data / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    before.mkdir()
    moved = False
    for name in (DATABASE_FILE, *(DATABASE_FILE + each for each in _BESIDE), KEY, LOGS, PLUGINS):
        with contextlib.suppress(FileNotFoundError):
            (data / name).rename(before / name)
            moved = moved or name != KEY
    for name, place in ((PLUGINS, PLUGINS), (LOGS, LOGS), (KEY, KEY), (DATABASE, DATABASE_FILE)):
        with contextlib.suppress(FileNotFoundError):
            (staged / name).rename(data / place)
    sync_directory(data)
    if (before / KEY).exists() and not (data / KEY).exists():
        (before / KEY).rename(data / KEY)
    if not moved:
        shutil.rmtree(before)
    return before if moved else None
