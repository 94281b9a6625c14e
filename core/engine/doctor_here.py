"""What the doctor looks at without any plugin: this host, the database's server, Redis, and the files of this installation."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from django.db import connection, transaction
from django_q.brokers import get_broker
from redis import Redis

from core import configuration
from core.logs import places
from core.queries import processes
from core.queries.processes import SKEW, Condition
from core.values import Finding

#: The oldest servers that this is tried with.
_POSTGRESQL, _REDIS = 14, (6, 0)
#: Programs that the core itself runs, and what each is for.
_PROGRAMS = {"git": "sources need it: install Git", "setpriv": "it ends what a dead runner left: install util-linux"}
#: Shares of the data directory's disk that are free below which it is told.
_LITTLE, _TOO_LITTLE = 0.10, 0.02
_TIMEOUT = 5.0
_REMEDIES = {
    "data directory": "Let the deployer's user write there, or set DEPLOYER_DATA_DIR to another directory.",
    "database server": "Let the deployer's user write to DEPLOYER_DATABASE_URL.",
    "broker": "See whether Redis is up, and to DEPLOYER_REDIS_URL.",
    "Redis": "See whether it is up, and to DEPLOYER_REDIS_URL.",
}

_Found = tuple[str, Finding]


def look(now: datetime, *, database: bool) -> Iterator[_Found]:
    """What is found here, each with what it is about.

    :param database: whether it can be asked.
    """
    looks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("programs", _programs),
        ("data directory", _data_directory),
        ("secrets", _secret_files),
        ("base URL", _base_url),
        ("log store", _log_store),
    ]
    if database:
        looks += [("database server", _database), ("processes", lambda: _hosts(now)), ("broker", _broker)]
    if configuration.current().redis_url:
        looks.append(("Redis", _redis))
    for about, ask in looks:
        try:
            yield from ((about, finding) for finding in ask())
        except Exception as error:  # noqa: BLE001  whatever is wrong is the answer
            said = str(error).strip().partition("\n")[0] or type(error).__name__
            yield about, Finding(level="error", text=f"It cannot be used: {said}", remedy=_REMEDIES.get(about, ""))


def _programs() -> Iterator[Finding]:
    yield Finding(level="ok", text=f"Python {sys.version.partition(' ')[0]}")
    for program, why in _PROGRAMS.items():
        if path := shutil.which(program):
            yield Finding(level="ok", text=f"{program}: {path}")
        else:
            yield Finding(level="warning", text=f"{program} is not on the PATH", remedy=f"{why}.".capitalize())


def _data_directory() -> Iterator[Finding]:
    directory = configuration.current().data_dir
    with tempfile.TemporaryFile(dir=directory) as file:
        file.write(b"well")
    usage = shutil.disk_usage(directory)
    free, said = usage.free / usage.total, f"{directory}: {usage.free / 1e9:.1f} GB free"
    level = "error" if free < _TOO_LITTLE else "warning" if free < _LITTLE else "ok"
    yield Finding(level=level, text=said, remedy="" if level == "ok" else "Make room, or use a larger disk.")


def _log_store() -> Iterator[Finding]:
    store = places.store()
    if store.shelf:
        yield store.shelf.check()
        if waiting := sum(packed for _, packed in store.loose()):
            yield Finding(
                level="warning",
                text=f"{waiting} packed logs are still on the disk",
                remedy="A runner moves them within a minute; if none does, its messages say why.",
            )
    else:
        yield Finding(level="ok", text=f"Logs stay in {store.root}, packed when their jobs are over")


def _secret_files() -> Iterator[Finding]:
    current = configuration.current()
    files = [current.data_dir / "secret_key"]
    if current.secrets_dir.is_dir():
        files += sorted(path for path in current.secrets_dir.iterdir() if path.is_file())
    for path in files:
        if not path.exists():
            continue
        if not os.access(path, os.R_OK):
            yield Finding(level="error", text=f"{path} cannot be read", remedy="Let the deployer's user read it.")
        elif path.stat().st_mode & stat.S_IROTH and not _hidden(path):
            yield Finding(level="warning", text=f"Everybody on this host can read {path}", remedy=f"chmod o= {path}")
        else:
            yield Finding(level="ok", text=f"{path} is the deployer's alone")


def _hidden(path: Path) -> bool:
    """Whether a directory above keeps others out."""
    return any(not each.stat().st_mode & stat.S_IXOTH for each in path.resolve().parents)


def _database() -> Iterator[Finding]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Taken back: it only shows that rows can be written.
        cursor.execute("UPDATE core_runner SET heartbeat_at = heartbeat_at WHERE 1 = 0")
        transaction.set_rollback(True)
    if connection.vendor != "postgresql":
        yield Finding(level="ok", text=f"{connection.display_name}: for processes of one host")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), clock_timestamp()")
        version, theirs = cursor.fetchone()
    number = int(version.partition(".")[0])
    old = number < _POSTGRESQL
    yield Finding(
        level="error" if old else "ok",
        text=f"PostgreSQL {version}",
        remedy=f"Use PostgreSQL {_POSTGRESQL} or newer." if old else "",
    )
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    yield Finding(
        level="warning" if apart > SKEW else "ok",
        text=f"Its clock and this host's differ by {apart:.1f} s",
        remedy="Let both keep time by NTP: leases and schedules depend on it." if apart > SKEW else "",
    )


def _hosts(now: datetime) -> Iterator[Finding]:
    found = processes.found(now)
    alive = [each for each in found.processes if each.condition != Condition.GONE]
    hosts = sorted({each.host for each in alive})
    if len(hosts) > 1 and not configuration.current().redis_url:
        yield Finding(
            level="error",
            text=f"Processes on {', '.join(hosts)}, and no Redis: hints do not reach other hosts",
            remedy="Set DEPLOYER_REDIS_URL for all processes.",
        )
    ahead = {each.host for each in alive if each.heartbeat_at > now + timedelta(seconds=SKEW)}
    for host in sorted(ahead | {each.host for each in alive if each.is_skewed}):
        which = "ahead of this host's" if host in ahead else "not the database's"
        yield Finding(level="warning", text=f"The clock of {host} is {which}", remedy="Let both keep time by NTP.")
    if upgrade := found.upgrade:
        yield Finding(level="warning", text=upgrade, remedy="Start those again that are older (`manage.py processes`).")


def _base_url() -> Iterator[Finding]:
    """Whether people and webhooks find a web there: from here at least."""
    url = configuration.current().base_url.rstrip("/")
    see = "Start `manage.py run_web`, or see to DEPLOYER_BASE_URL, the proxy and the host's name."
    try:
        answer = httpx.get(f"{url}/healthz", timeout=_TIMEOUT)
    except httpx.HTTPError as error:
        yield Finding(level="warning", text=f"No web answers at {url}: {error}", remedy=see)
        return
    if answer.status_code == httpx.codes.OK and answer.text == "ok\n":
        yield Finding(level="ok", text=f"A web answers at {url}")
    else:
        said = f"What answers at {url} is no web of the deployer ({answer.status_code} at /healthz)"
        yield Finding(level="warning", text=said, remedy=see)


def _broker() -> Iterator[Finding]:
    broker = get_broker()
    if not broker.ping():
        yield Finding(level="error", text="It does not answer", remedy="See to Redis.")
        return
    yield Finding(level="ok", text=f"{broker.info()}: {broker.queue_size()} tasks wait")


def _redis() -> Iterator[Finding]:
    client = Redis.from_url(configuration.current().redis_url, socket_timeout=_TIMEOUT, socket_connect_timeout=_TIMEOUT)
    version = str(client.info("server")["redis_version"])
    old = tuple(map(int, version.split(".")[:2])) < _REDIS
    yield Finding(
        level="error" if old else "ok",
        text=f"Redis {version}",
        remedy=f"Use Redis {'.'.join(map(str, _REDIS))} or newer." if old else "",
    )
