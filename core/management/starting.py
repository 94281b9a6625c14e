"""The order in which processes may be started: any. Each waits for what it needs, says so, and gives up in time."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import time
from collections.abc import Callable, Iterator

from django.core.management import CommandError, call_command
from django.db import connection
from redis import Redis
from redis.exceptions import RedisError

from core import configuration
from core.engine import readiness, schedules
from core.engine.readiness import NotWellError
from core.errors import ConfigurationError
from core.services import declarations

logger = logging.getLogger(__name__)

#: Seconds between two looks.
_LOOK = 0.5
#: Seconds that Redis has for its answer.
_ANSWER = 5
#: What those who migrate lock in PostgreSQL: any number that nobody else locks there.
_LOCK = 0x6465706C6F79


class Patience:
    """The time that one start has: `start_timeout`, for all that it waits for together."""

    def __init__(self) -> None:
        self._seconds = configuration.current().start_timeout
        self._end = time.monotonic() + self._seconds

    def wait(self, what: str, look: Callable[[], object], remedy: str) -> None:
        """Look until it is there, and say what is waited for.

        :param look: raises `NotWellError` with a sentence while it is not.
        :raises CommandError: it was not there in time.
        """
        said = ""
        while True:
            try:
                look()
            except NotWellError as error:
                if time.monotonic() >= self._end:
                    raise CommandError(
                        f"{what} was not there within {self._seconds:g} s (DEPLOYER_START_TIMEOUT): {error}. {remedy}"
                    ) from None
                if said != str(error):
                    said = str(error)
                    logger.warning("waiting for %s: %s", what, said)
            else:
                if said:
                    logger.warning("%s is there", what)
                return
            time.sleep(_LOOK)


def wait() -> None:
    """Wait for all that a process needs: the database, its migrations, and Redis where it is used.

    :raises CommandError: one of them is not there in time; names the setting.
    """
    patience = Patience()
    _wait_for_database(patience)
    _wait_for_migrations(patience)
    _wait_for_redis(patience)


def prepare() -> None:
    """Apply the migrations that are missing, make the schedules, and declare the flavours of `DEPLOYER_FLAVOURS`.

    Of several that are started at once one migrates, and the others wait for it.

    :raises CommandError: the database is not there in time, or a flavour is wrong.
    """
    patience = Patience()
    _wait_for_database(patience)
    with _alone(patience):
        call_command("migrate", verbosity=1, interactive=False)
        schedules.install()
        for name in configuration.current().flavours:
            try:
                declarations.load(name)
            except ConfigurationError as error:
                raise CommandError(f"flavour {name!r} (DEPLOYER_FLAVOURS) cannot be declared:\n{error}") from None
            logger.info("flavour %s is declared", name)
    _wait_for_redis(patience)


def _wait_for_database(patience: Patience) -> None:
    patience.wait(
        "the database", _database, "Start it, or see to DEPLOYER_DATABASE_URL and DEPLOYER_DATABASE_PASSWORD."
    )


def _wait_for_migrations(patience: Patience) -> None:
    patience.wait(
        "the database's last migration",
        readiness.migrations,
        "Run `prepare` (or `migrate`) of this version, or start the web with `run_web --prepare`.",
    )


def _wait_for_redis(patience: Patience) -> None:
    if configuration.current().redis_url:
        patience.wait("Redis", _redis, "Start it, or see to DEPLOYER_REDIS_URL.")


def _database() -> None:
    if connection.vendor == "sqlite":
        configuration.current().data_dir.mkdir(parents=True, exist_ok=True)
    try:
        readiness.database()
    except NotWellError:
        # The next look begins with a connection of its own.
        connection.close()
        raise


def _redis() -> None:
    url = configuration.current().redis_url
    try:
        with contextlib.closing(Redis.from_url(url, socket_timeout=_ANSWER, socket_connect_timeout=_ANSWER)) as client:
            client.ping()
    except (RedisError, OSError, ValueError) as error:
        said = configuration.without_password(str(error)).partition(". ")[0].rstrip(".")
        raise NotWellError(f"It does not answer: {said}") from None


@contextlib.contextmanager
def _alone(patience: Patience) -> Iterator[None]:
    """Be the only one that migrates this database."""
    remedy = "Another process migrates: see to its messages."
    if connection.vendor == "postgresql":
        patience.wait("the other migration's end", _lock, remedy)
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
        return
    # Beside the file that it is about, on a disk that all who use it share.
    with (configuration.current().data_dir / "migrating.lock").open("a") as file:
        patience.wait("the other migration's end", lambda: _lock_file(file.fileno()), remedy)
        yield


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise NotWellError("Another process is migrating")


def _lock_file(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotWellError("Another process is migrating") from None
