"""The settings of one installation, read once from the environment."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import dj_database_url
from django.conf import settings as django_settings
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from core.errors import ConfigurationError

PREFIX = "DEPLOYER_"
_SECRETS = Path("/run/secrets")


class Configuration(BaseSettings):
    """Each field is read from `DEPLOYER_<NAME>`, or from a file of that name in `/run/secrets`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, secrets_dir=_SECRETS if _SECRETS.is_dir() else None, frozen=True, extra="ignore"
    )

    data_dir: Path = Field(Path("data"), description="Directory for the database, the logs and what plugins keep.")
    database_url: str = Field(
        "", description="`postgres://user:password@host/name`; SQLite in the data directory if empty."
    )
    redis_url: str = Field("", description="`redis://host:6379/0`: needed when processes run on several hosts.")
    secret_key: str = Field("", description="Signs sessions; made and kept in the data directory if empty.")
    base_url: str = Field("http://127.0.0.1:8000", description="Where people and webhooks find this deployer.")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        ["localhost", "127.0.0.1", "[::1]"], description="Names that the web answers to, separated by commas."
    )
    debug: bool = Field(False, description="Show errors in full on pages; never where others can reach them.")
    disabled_plugins: Annotated[frozenset[str], NoDecode] = Field(
        frozenset(), description="Names of plugins that are not loaded, separated by commas."
    )
    secrets_dir: Path = Field(_SECRETS, description="Directory of files that hold secrets, one each, by name.")
    private: bool = Field(False, description="Show nothing to those who have not logged in and may look.")
    login_hours: float = Field(
        12.0, gt=0, le=24 * 365, description="Hours after which those who logged in elsewhere have to do so again."
    )
    contact: str = Field("", description="Whom to ask for access: shown to those who may not look.")
    concurrency: int = Field(200, ge=1, description="Jobs that one runner may have in hand at once.")
    lease_seconds: float = Field(30.0, gt=0, description="After this long without a sign a runner has lost its jobs.")
    email_url: str = Field(
        "", description="The mail server: `smtp://user:password@host:587/?tls=True`; mails go to the log if empty."
    )
    email_sender: str = Field("deployer@localhost", description="Whom mails are from.")
    log_level: str = Field("INFO", description="Least severity of the process's own messages.")

    @field_validator("allowed_hosts", "disabled_plugins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

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

    def plugin_dir(self, kind: str) -> Path:
        """What plugins that offer this kind keep on this host."""
        path = self.data_dir / "plugins" / kind
        path.mkdir(parents=True, exist_ok=True)
        return path

    def database(self) -> dict[str, Any]:
        """The entry for Django's DATABASES."""
        if self.database_url:
            return dict(dj_database_url.parse(self.database_url, conn_max_age=60, conn_health_checks=True))
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


def read() -> Configuration:
    """Read the environment.

    :raises ConfigurationError: names each variable that is wrong.
    """
    try:
        return Configuration()
    except ValidationError as error:
        faults = (f"{PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError("\n".join(faults)) from None


def current() -> Configuration:
    """The configuration that this process was started with."""
    return django_settings.DEPLOYER
