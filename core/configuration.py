"""The settings of one installation, read once from the environment."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import dj_database_url
import dj_email_url
from django.conf import settings as django_settings
from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.buckets import Address
from core.errors import ConfigurationError

PREFIX = "DEPLOYER_"
#: Where files with settings are.
SECRETS = Path("/run/secrets")
#: How the addresses begin that libraries here understand.
_SCHEMES = {
    "database_url": ("postgres", "postgresql", "pgsql", "sqlite"),
    "redis_url": ("redis", "rediss", "unix"),
    "email_url": tuple(dj_email_url.SCHEMES),
    "base_url": ("http", "https"),
}
_SEVERITIES = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
#: Settings whose values no message shows.
UNSHOWN = frozenset({"secret_key", "metrics_token", "provenance_key", "database_password"})
#: Settings that may be, or have in them, a secret: `DEPLOYER_<NAME>_FILE` names a file that has the value.
FROM_FILES = (
    "database_url",
    "database_password",
    "redis_url",
    "secret_key",
    "email_url",
    "metrics_token",
)
#: Seconds for connecting to PostgreSQL: an address that nobody answers at would take minutes.
_CONNECT = 10
_PASSWORD = re.compile(r"(//[^/@\s]*:)([^/\s]+)(@)")


class Configuration(BaseSettings):
    """Each field is read from `DEPLOYER_<NAME>`, or from a file of that name in `/run/secrets`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
    )

    data_dir: Path = Field(Path("data"), description="Directory for the database, the logs and what plugins keep.")
    database_url: str = Field(
        "", description="`postgres://user:password@host/name`; SQLite in the data directory if empty."
    )
    database_password: str = Field(
        "", description="The password for the database, where its URL has none: the rest need not be a secret then."
    )
    redis_url: str = Field("", description="`redis://host:6379/0`: needed when processes run on several hosts.")
    secret_key: str = Field("", description="Signs sessions; made and kept in the data directory if empty.")
    base_url: str = Field("http://127.0.0.1:8000", description="Where people and webhooks find this deployer.")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Names that the web answers to, separated by commas."
    )
    trusted_proxies: Annotated[list[str], NoDecode] = Field(
        ["127.0.0.1"],
        description="Addresses or networks of the proxies before the web, separated by commas: they are believed whom they "
        "ask for (`X-Forwarded-For`), and whether by TLS.",
    )
    debug: bool = Field(False, description="Show errors in full on pages; never where others can reach them.")
    disabled_plugins: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Names of plugins that are not loaded, separated by commas."
    )
    secrets_dir: Path = Field(SECRETS, description="Directory of files that hold secrets, one each, by name.")
    private: bool = Field(False, description="Show nothing to those who have not logged in and may look.")
    login_hours: float = Field(
        12.0, gt=0, le=24 * 365, description="Hours after which those who logged in elsewhere have to do so again."
    )
    contact: str = Field("", description="Whom to ask for access: shown to those who may not look.")
    flavours: Annotated[list[str], NoDecode] = Field(
        [], description="Flavours that `prepare` and `run_web --prepare` declare, separated by commas."
    )
    start_timeout: float = Field(
        60.0,
        ge=0,
        description="Seconds that a process waits at its start for the database, its migrations and Redis.",
    )
    concurrency: int = Field(200, ge=1, description="Jobs that one runner may have in hand at once.")
    life_dir: Path | None = Field(
        None, description="Directory in which processes leave signs of life for `healthy`; empty for none."
    )
    lease_seconds: float = Field(30.0, gt=0, description="After this long without a sign a runner has lost its jobs.")
    email_url: str = Field(
        "", description="The mail server: `smtp://user:password@host:587/?tls=True`; mails go to the log if empty."
    )
    email_sender: str = Field("deployer@localhost", description="Whom mails are from.")
    webhooks_per_minute: int = Field(
        1200,
        ge=0,
        description="Webhooks that one address may send to one web process in a minute; a tenth of them may name the same "
        "repository. What is refused is found by the next poll. 0: any number.",
    )
    costly_calls_per_minute: int = Field(
        60,
        ge=0,
        description="How often in a minute one person, or one address, may ask one web process for what is costly: a search "
        "in logs. 0: any number.",
    )
    log_level: str = Field("INFO", description="Least severity of the process's own messages.")
    log_format: Literal["text", "json"] = Field(
        "text",
        description="`json` writes the process's own messages as one JSON object a line, with one for each request.",
    )
    log_store: str = Field(
        "",
        description="Where logs are moved to when their jobs are over: `s3://bucket/prefix?endpoint=https://s3.example.org`; "
        "they stay in the data directory if empty.",
    )
    metrics_token: str = Field(
        "", description="Lets whoever sends it as a bearer token read `/metrics` where pages are private."
    )
    provenance_key: str = Field(
        "",
        description="File of the private key (PEM; Ed25519, or ECDSA on P-256) that signs what is attested of releases and"
        " deployments, or the key itself; nothing is signed if empty.",
    )

    @field_validator("allowed_hosts", "disabled_plugins", "trusted_proxies", "flavours", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator("database_url", "redis_url", "email_url", "base_url")
    @classmethod
    def _known_scheme(cls, value: str, info: ValidationInfo) -> str:
        schemes = _SCHEMES[str(info.field_name)]
        if value and urlsplit(value).scheme not in schemes:
            raise ValueError(f"it must begin with {' or '.join(f'`{each}:`' for each in schemes)}")
        return value

    @field_validator("database_url", "redis_url", "email_url", "base_url")
    @classmethod
    def _readable(cls, value: str) -> str:
        try:
            # Reading it raises ValueError for one that is no number, or too large.
            _ = urlsplit(value).port
        except ValueError:
            raise ValueError("its port is a number up to 65535") from None
        return value

    @field_validator("database_url")
    @classmethod
    def _a_database(cls, value: str) -> str:
        address = urlsplit(value)
        if value and address.scheme != "sqlite" and not address.path.strip("/"):
            raise ValueError("it has to name the database: `postgres://user:password@host/name`")
        return value

    @field_validator("redis_url")
    @classmethod
    def _a_number(cls, value: str) -> str:
        address = urlsplit(value)
        if value and address.scheme != "unix" and not re.fullmatch(r"/?|/\d+", address.path):
            raise ValueError("after the host comes the number of a database: `redis://host:6379/0`")
        return value

    @field_validator("data_dir")
    @classmethod
    def _no_file(cls, value: Path) -> Path:
        if value.exists() and not value.is_dir():
            raise ValueError("it has to be a directory")
        return value

    @field_validator("secrets_dir")
    @classmethod
    def _can_be_listed(cls, value: Path) -> Path:
        # The one that is there by default need not be.
        if value != SECRETS and not value.is_dir():
            raise ValueError("it has to be a directory that is there")
        if value.is_dir() and not os.access(value, os.R_OK | os.X_OK):
            raise ValueError("the deployer's user has to be able to read it")
        return value

    @field_validator("base_url")
    @classmethod
    def _a_place(cls, value: str) -> str:
        address = urlsplit(value)
        if not address.hostname or address.query or address.fragment or address.username:
            raise ValueError("it must be like `https://deploy.example.org`")
        return value

    @field_validator("database_password")
    @classmethod
    def _wanted(cls, value: str, info: ValidationInfo) -> str:
        url = info.data.get("database_url", "")
        if value and "database_url" in info.data and (not url or _password(url) or urlsplit(url).scheme == "sqlite"):
            raise ValueError("it is for a DEPLOYER_DATABASE_URL of PostgreSQL that has no password in it")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        for each in value:
            try:
                ipaddress.ip_network(each)
            except ValueError:
                raise ValueError(f"{each!r} is neither an address nor a network like `10.0.0.0/8`") from None
        return value

    @field_validator("log_store")
    @classmethod
    def _a_bucket(cls, value: str) -> str:
        if value:
            Address.parse(value)
        return value

    @field_validator("log_level")
    @classmethod
    def _severity(cls, value: str) -> str:
        if value.upper() not in _SEVERITIES:
            raise ValueError(f"it must be one of {', '.join(_SEVERITIES)}")
        return value.upper()

    @property
    def origin(self) -> str:
        """The base URL without a path."""
        address = urlsplit(self.base_url)
        return f"{address.scheme}://{address.netloc}"

    @property
    def logs_dir(self) -> Path:
        return self.data_dir / "logs"

    @property
    def run_dir(self) -> Path:
        """Sockets and locks: nothing in it needs to outlive the processes."""
        return self.data_dir / "run"

    def secrets(self) -> list[str]:
        """What no message of a process may show."""
        passwords = [_password(url) for url in (self.database_url, self.redis_url, self.email_url)]
        # The name of a file is none.
        key = self.provenance_key if "PRIVATE KEY" in self.provenance_key else ""
        own = (self.secret_key, self.metrics_token, self.database_password, key)
        return [each for each in (*own, *passwords) if each]

    def plugin_dir(self, kind: str) -> Path:
        """What plugins that offer this kind keep on this host."""
        path = self.data_dir / "plugins" / kind
        path.mkdir(parents=True, exist_ok=True)
        return path

    def database(self) -> dict[str, Any]:
        """The entry for Django's DATABASES."""
        if self.database_url:
            entry: dict[str, Any] = dict(
                dj_database_url.parse(self.database_url, conn_max_age=60, conn_health_checks=True)
            )
            if self.database_password:
                entry["PASSWORD"] = self.database_password
            if entry["ENGINE"].endswith("postgresql"):
                entry["OPTIONS"] = {"connect_timeout": _CONNECT, **self._patience(), **entry.get("OPTIONS", {})}
            return entry
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.data_dir / "deployer.sqlite3",
            # In a file as in earnest: a database in memory locks whole tables between threads.
            "TEST": {"NAME": self.data_dir / "test.sqlite3"},
            # Measured: with IMMEDIATE and 20 s no writer of several processes ever failed on a lock.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA busy_timeout=20000;",
            },
        }

    def _patience(self) -> dict[str, Any]:
        """How long both ends of a connection to PostgreSQL wait for one that was cut off, or holds locks and does nothing.

        TCP's own patience is a quarter of an hour for whoever sends and two hours for whoever listens: as long would rows stay
        locked that a vanished host had in hand. Names and units: PostgreSQL's documentation, "Parameter Key Words" and
        "Connections and Authentication".
        """
        third = max(int(self.lease_seconds / 3), 1)
        interval = max(third // 3, 1)
        ours = {"keepalives_idle": third, "keepalives_interval": interval, "keepalives_count": 3}
        theirs = {
            "tcp_keepalives_idle": third,
            "tcp_keepalives_interval": interval,
            "tcp_keepalives_count": 3,
            "tcp_user_timeout": third * 1000,
            # A process that is frozen keeps its connection.
            "idle_in_transaction_session_timeout": max(int(self.lease_seconds * 2), 60) * 1000,
        }
        options = " ".join(f"-c {name}={value}" for name, value in theirs.items())
        return {"connect_timeout": max(third, 2), "tcp_user_timeout": third * 1000, **ours, "options": options}

    def signing_key(self) -> str:
        """The secret key; made at the first start where none is set."""
        if self.secret_key:
            return self.secret_key
        path = self.data_dir / "secret_key"
        if not path.exists():
            self.data_dir.mkdir(parents=True, exist_ok=True)
            # Linking a finished file: two processes that start at once agree on one key, and neither reads half of it.
            with tempfile.NamedTemporaryFile("w", dir=self.data_dir) as file, contextlib.suppress(FileExistsError):
                file.write(secrets.token_urlsafe(50))
                file.flush()
                os.link(file.name, path)
        return path.read_text()


def _password(url: str) -> str:
    """The password in an address; empty where there is none."""
    found = _PASSWORD.search(url)
    return found[2] if found else ""


def without_password(url: str) -> str:
    """An address as people may read it."""
    return _PASSWORD.sub(r"\1…\3", url)


def read() -> Configuration:
    """Read the environment.

    :raises ConfigurationError: names each variable that is wrong.
    """
    try:
        return Configuration(**_from_files())
    except OSError as error:
        said = error.strerror or str(error)
        raise ConfigurationError(f"a setting's file cannot be read: {error.filename}: {said}") from None
    except ValidationError as error:
        faults = (_fault(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors())
        raise ConfigurationError("\n".join(faults)) from None


def from_file(variable: str) -> Path | None:
    """The file that `<VARIABLE>_FILE` names for a variable's value, if it is set.

    :raises ConfigurationError: the variable itself is set as well.
    """
    path = os.environ.get(f"{variable}_FILE")
    if not path:
        return None
    if os.environ.get(variable):
        raise ConfigurationError(f"{variable} and {variable}_FILE are both set: leave one out")
    return Path(path)


def read_file(path: Path, variable: str) -> str:
    """What is in a file that `<VARIABLE>_FILE` names, without a line's end after it.

    :raises ConfigurationError: it cannot be read, or there is nothing in it.
    """
    try:
        value = path.read_text().rstrip("\r\n")
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{variable}_FILE: {path} cannot be read: {said}") from None
    if not value:
        raise ConfigurationError(f"{variable}_FILE: {path} is empty")
    return value


def _from_files() -> dict[str, Any]:
    values: dict[str, Any] = {}
    faults = []
    for name in FROM_FILES:
        variable = f"{PREFIX}{name.upper()}"
        try:
            if path := from_file(variable):
                values[name] = read_file(path, variable)
        except ConfigurationError as error:
            faults.append(str(error))
    if faults:
        raise ConfigurationError("\n".join(faults))
    return values


def _fault(place: tuple[int | str, ...], said: str, value: object) -> str:
    """What is wrong with a variable, with its value as people may read it."""
    name = str(place[0]).lower() if place else ""
    shown = "not shown" if name in UNSHOWN else repr(without_password(str(value)))
    return f"{PREFIX}{name.upper()}: {said.removeprefix('Value error, ')} (it is {shown})"


def current() -> Configuration:
    """The configuration that this process was started with."""
    return django_settings.DEPLOYER
