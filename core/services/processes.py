"""Processes of any kind: coming, giving signs, going, and being forgotten."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import close_old_connections, connection
from django.utils import timezone

from core import schema
from core.configuration import Configuration
from core.errors import ConfigurationError
from core.models import Process, Runner, Schema
from core.models.processes import AnyProcess
from core.states import ProcessKind
from core.versions import VERSION
from core.vitals import boot_of, host, memory

logger = logging.getLogger(__name__)

#: How long after its lease one that is gone is remembered.
REMEMBERED = timedelta(hours=1)
#: Signs in a lease: one that is lost or late costs nothing.
SIGNS = 4

_Kind = TypeVar("_Kind", bound=AnyProcess)


def now() -> datetime:
    """This host's time."""
    return timezone.now()


def register(
    model: type[_Kind],
    name: str,
    host: str,
    process: int,
    boot: str,
    at: datetime,
    lease: timedelta | None,
    **fields: Any,
) -> None:
    """Write down that a process has started."""
    model._default_manager.update_or_create(
        name=name,
        defaults={
            "host": host,
            "process": process,
            "boot": boot,
            "version": VERSION,
            "schema": schema.known(),
            "started_at": at,
            "heartbeat_at": at,
            "lease_until": at + lease if lease else None,
            "gone_at": None,
            **fields,
        },
    )


def renew(
    model: type[_Kind], name: str, at: datetime, lease: timedelta, vitals: Mapping[str, Any] | None = None
) -> bool:
    """Write down a sign of life. False where the row is gone."""
    told = {} if vitals is None else {"vitals": dict(vitals)}
    rows = model._default_manager.filter(name=name)
    return bool(rows.update(heartbeat_at=at, lease_until=at + lease, gone_at=None, **told))


def forget_gone(model: type[_Kind], at: datetime, lease: timedelta) -> None:
    """Forget those whose lease has ended long ago."""
    model._default_manager.filter(heartbeat_at__lt=at - lease - REMEMBERED).delete()


def miss_here() -> None:
    """Note which processes of this host have ended without a word."""
    rows = Process.objects.filter(host=host(), gone_at=None)
    gone = [row.pk for row in rows if boot_of(row.process) != row.boot]
    if gone:
        Process.objects.filter(pk__in=gone).update(gone_at=now())


def clock() -> float | None:
    """Seconds by which this host's clock is ahead of the database's; None where both are the same clock."""
    if connection.vendor != "postgresql":
        return None
    asked = now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    # It was read at some moment between question and answer.
    between = asked + (now() - asked) / 2
    return round(float((between - theirs).total_seconds()), 3)


def fits() -> None:
    """Refuse to work with tables that this version is too old for.

    :raises ConfigurationError: says what to do.
    """
    row = Schema.objects.first()
    if row and row.minimum > schema.known():
        because = f" ({row.because})" if row.because else ""
        raise ConfigurationError(
            f"this version ({VERSION}) is too old for the database: it knows the migrations up to {schema.known():04}, "
            f"and has to know {row.minimum:04}{because}. Start a newer version of the deployer"
        )


class Presence:
    """Gives signs of life from a thread of its own, for processes that are no runner.

    What fails is tried again with the next sign: no process ends because nobody hears of it.

    :param tells: what the process tells of itself with each sign, besides its memory and its clock.
    :param unfit: called once where the tables have come to need a newer version.
    """

    def __init__(
        self,
        kind: ProcessKind,
        configuration: Configuration,
        tells: Callable[[], Mapping[str, Any]] = dict,
        unfit: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = f"{kind}-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"[-100:]
        self._kind, self._host, self._tells, self._unfit = kind, host(), tells, unfit
        self._lease = timedelta(seconds=configuration.lease_seconds)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Leave in order."""
        self._stopped.set()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            self._attempt(self._sign)
            if self._stopped.wait(self._lease.total_seconds() / SIGNS):
                break
        self._attempt(self._leave)

    def _attempt(self, what: Callable[[], None]) -> None:
        try:
            close_old_connections()
            what()
        except Exception as error:  # noqa: BLE001  whatever it is, the process itself goes on
            logger.warning("no sign of life could be given: %s", str(error).strip().partition("\n")[0])

    def _sign(self) -> None:
        vitals = {"memory": memory(), "clock": clock(), **self._tells()}
        if not renew(Process, self.name, now(), self._lease, vitals):
            pid = os.getpid()
            register(
                Process,
                self.name,
                self._host,
                pid,
                boot_of(pid),
                now(),
                self._lease,
                kind=self._kind,
                vitals=vitals,
            )
        miss_here()
        for model in (Process, Runner):
            forget_gone(model, now(), self._lease)
        try:
            fits()
        except ConfigurationError as error:
            logger.error("%s", error)
            self._stopped.set()
            self._unfit()

    def _leave(self) -> None:
        Process.objects.filter(name=self.name).delete()
