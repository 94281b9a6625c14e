"""The whole database into an archive and back: a copy of SQLite's file, or the rows of PostgreSQL's tables.

Both are of one moment, whatever processes write meanwhile.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model
from django.db.utils import Error

from core.errors import ConfigurationError
from core.management.archive import DATABASE, TABLES, Manifest, Writer
from core.one_moment import one_moment

_PIECE = 1 << 20


def save(writer: Writer, work: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Add the database to an archive; answer its migrations and, of PostgreSQL, its tables' columns.

    :param work: where temporary files go.
    :raises ConfigurationError: it has no tables yet.
    """
    return _save_sqlite(writer, work) if connection.vendor == "sqlite" else _save_tables(writer, work)


def _save_sqlite(writer: Writer, work: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    path = Path(connection.settings_dict["NAME"])
    if not path.exists():
        raise ConfigurationError(f"there is no database at {path}: is DEPLOYER_DATA_DIR right?")
    with tempfile.TemporaryDirectory(dir=work, prefix=".backup-") as name:
        copy = Path(name) / DATABASE
        source = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=60)
        target = sqlite3.connect(copy)
        with contextlib.closing(source), contextlib.closing(target):
            # All in one step: one reader's moment. Writers go on, as the journal is a write-ahead log.
            source.backup(target)
            rows = target.execute("select app, name from django_migrations order by app, name").fetchall()
            target.execute("pragma journal_mode=delete")
        with copy.open("rb") as file:
            writer.add(DATABASE, file)
    return by_app(rows), {}


def by_app(applied: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Of migrations in order, by app."""
    found: dict[str, list[str]] = {}
    for app, name in applied:
        found.setdefault(app, []).append(name)
    return found


def unknown(manifest: Manifest) -> list[str]:
    """The migrations of an archive that this deployer does not have: `app.name`."""
    known = MigrationExecutor(None).loader.disk_migrations or {}
    replaced = {each for migration in known.values() for each in migration.replaces}
    of_archive = ((app, name) for app, names in manifest.migrations.items() for name in names)
    return [f"{app}.{name}" for app, name in of_archive if (app, name) not in known and (app, name) not in replaced]


# PostgreSQL


def _save_tables(writer: Writer, work: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    columns: dict[str, list[str]] = {}
    with one_moment():
        applied = sorted(MigrationRecorder(connection).applied_migrations())
        if not applied:
            raise ConfigurationError("the database has no tables: is DEPLOYER_DATABASE_URL right?")
        for table in _tables():
            with connection.cursor() as cursor, tempfile.TemporaryFile(dir=work) as file:
                found = connection.introspection.get_table_description(cursor, table)
                columns[table] = [column.name for column in found]
                with cursor.copy(f"copy {_listed(table, columns[table])} to stdout") as rows:
                    for data in rows:
                        file.write(data)
                file.flush()
                file.seek(0)
                writer.add(f"{TABLES}/{table}", file)
    return by_app(applied), columns


def _tables() -> list[str]:
    """The tables of all models, as far as they are there."""
    there = set(connection.introspection.table_names())
    return sorted(there & {*_models(), MigrationRecorder.Migration._meta.db_table})


def _models() -> set[str]:
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table for model in models if model._meta.managed and not model._meta.proxy}


def _listed(table: str, columns: list[str]) -> str:
    quoted = connection.ops.quote_name
    return f"{quoted(table)} ({', '.join(map(quoted, columns))})"


def occupied() -> bool:
    """Whether PostgreSQL has tables of the deployer already."""
    return bool(_tables())


def load_tables(manifest: Manifest, directory: Path) -> None:
    """Make PostgreSQL's tables as they were, with their rows, in place of those that are there: all of it or nothing.

    :raises ConfigurationError: the database refused; nothing was changed.
    """
    try:
        with transaction.atomic():
            _drop(_tables())
            for app, names in manifest.migrations.items():
                # No table can be altered while a check of its rows is put off.
                _check_rows("immediate")
                call_command("migrate", app, names[-1], verbosity=0, interactive=False)
            _check_rows("immediate")
            with connection.cursor() as cursor:
                # Migrations write rows of their own.
                tables = ", ".join(map(connection.ops.quote_name, manifest.tables))
                cursor.execute(f"truncate {tables} cascade")
            _check_rows("deferred")
            _fill(manifest.tables, directory)
            # Those of many-to-many fields and of the migrations too: a number that comes again is taken for a row twice.
            models: list[type[Model]] = [*apps.get_models(include_auto_created=True), MigrationRecorder.Migration]
            models = [model for model in models if model._meta.db_table in manifest.tables]
            with connection.cursor() as cursor:
                for statement in connection.ops.sequence_reset_sql(no_style(), models):
                    cursor.execute(statement)
    except Error as error:
        said = str(error).strip().partition("\n")[0]
        raise ConfigurationError(f"the database refused, and nothing was changed: {said}") from error


def _drop(tables: list[str]) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"drop table {connection.ops.quote_name(table)} cascade")


def _check_rows(when: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"set constraints all {when}")


def _fill(tables: Mapping[str, list[str]], directory: Path) -> None:
    for table, columns in tables.items():
        with (
            (directory / TABLES / table).open("rb") as file,
            connection.cursor() as cursor,
            cursor.copy(f"copy {_listed(table, columns)} from stdin") as rows,
        ):
            while data := file.read(_PIECE):
                rows.write(data)
