"""Whether a process can do its work: what `/readyz` tells, check by check."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from asgiref.sync import async_to_sync
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from core import clock, configuration, hiding
from core.engine import schedules
from core.errors import OperationError
from core.logs import places
from core.services import hints, runners

#: Seconds in which a message has to come through the channel layer.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    :param needed: whether nothing is ready without it.
    :param sentence: how it is; where it is not well, what to do.
    """

    name: str
    ok: bool
    needed: bool
    sentence: str


class NotWellError(Exception):
    """A check's sentence, where it is not well."""


def checks() -> list[Check]:
    """Everything that is needed, and whether the schedules are punctual. Each is looked at whatever becomes of the others."""
    looks: tuple[tuple[str, bool, Callable[[], str]], ...] = (
        ("database", True, database),
        ("migrations", True, migrations),
        ("channel layer", True, _channel_layer),
        ("logs", True, _logs),
        # Without it logs stay on the disk until it is back.
        ("log store", False, _log_store),
        ("runner", True, _runner),
        # Without them everything is done all the same, only later.
        ("schedules", False, _schedules),
    )
    return [_check(name, needed, look) for name, needed, look in looks]


def ready(found: list[Check]) -> bool:
    """Whether all that is needed is well."""
    return all(check.ok or not check.needed for check in found)


def _check(name: str, needed: bool, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, needed=needed, sentence=look())
    except NotWellError as error:
        said = str(error)
    except Exception as error:  # noqa: BLE001  whatever is wrong is the answer
        said = f"it cannot be told: {str(error).strip().partition(chr(10))[0] or type(error).__name__}"
    return Check(name=name, ok=False, needed=needed, sentence=hiding.hidden(said))


def database() -> str:
    """Whether the database answers.

    :raises NotWellError: it does not.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        raise NotWellError(f"It does not answer: {str(error).strip().partition(chr(10))[0]}") from None
    return "It answers."


#: Whether nothing was left to apply: that stays true for as long as the process lives.
_applied = False


def migrations() -> str:
    """Whether the tables are those of this version, or of a later one.

    :raises NotWellError: some are not.
    """
    global _applied  # noqa: PLW0603  to find out takes as long as ten pages
    if not _applied:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            count = len(missing)
            raise NotWellError(
                f"{count} migration{'s are' if count > 1 else ' is'} not applied: run `manage.py migrate`"
            )
        _applied = True
    return "All are applied."


def _channel_layer() -> str:
    try:
        async_to_sync(_round_trip)()
    except Exception as error:  # noqa: BLE001  as many kinds as there are layers
        raise NotWellError(
            f"Messages do not come through: {str(error) or 'none came in time'}. Pages and runners still look every "
            "second or so; see to Redis, or to the directory `run` in the data directory"
        ) from None
    return "Messages come through."


async def _round_trip() -> None:
    layer = hints.layer()
    async with asyncio.timeout(_PATIENCE):
        channel = await layer.new_channel()
        await layer.send(channel, {"type": "ready"})
        await layer.receive(channel)


def _logs() -> str:
    directory = configuration.current().logs_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"ready")
    except OSError as error:
        raise NotWellError(f"Logs cannot be written: {error.strerror}; make room, or set the rights right") from None
    return "They can be written."


def _log_store() -> str:
    shelf = places.store().shelf
    if shelf is None:
        return "Logs stay on the disk, packed."
    try:
        shelf.answers()
    except OperationError as error:
        raise NotWellError(f"{error}. Logs stay on the disk until it does; `manage.py doctor` tries it") from None
    return "It answers."


def _runner() -> str:
    found = runners.counted(clock.now(), timedelta(seconds=configuration.current().lease_seconds))
    drained = f" {found.drained} more {'is' if found.drained == 1 else 'are'} being drained." if found.drained else ""
    if not found.taking and drained:
        raise NotWellError("Those that are alive are being drained: start another one, or `manage.py undrain` one")
    if not found.taking:
        raise NotWellError("None is alive: start one with `manage.py run_runner`")
    return ("1 is alive." if found.taking == 1 else f"{found.taking} are alive.") + drained


def _schedules() -> str:
    if late := schedules.late(clock.now()):
        raise NotWellError(f"Late: {', '.join(late)}. Start `manage.py qcluster`")
    return "They are punctual."
