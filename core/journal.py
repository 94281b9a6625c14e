"""The process's own messages: as lines for people, or as one JSON object a line for programs.

What a message is about (a job, a request) is set where its work begins and added to all that is said meanwhile, also by
libraries. Secrets are replaced as they are in the logs of jobs.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from core import hiding

#: The logger of one line for each request.
ACCESS = "deployer.access"
#: What a process does, by its command.
_ROLES = {"run_web": "web", "run_runner": "runner", "qcluster": "qcluster", "run_pipeline": "pipeline"}

#: Control characters but tab, separators of lines, and what turns the direction of writing.
_UNPRINTABLE = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_about: ContextVar[Mapping[str, Any]] = ContextVar("deployer_about")
_always: dict[str, Any] = {}


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Say of every message until the end of the block what it is about: `about(job=12, repository="acme/shop")`."""
    token = _about.set({**_about.get({}), **fields})
    try:
        yield
    finally:
        _about.reset(token)


def always(**fields: Any) -> None:
    """Say something of every message of this process from now on."""
    _always.update(fields)


def role() -> str:
    """What this process does: `web`, `runner`, `qcluster`, or the command that it was started by."""
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return _ROLES.get(command, command or "web")


class TextFormatter(logging.Formatter):
    """A line for people: time, severity, who says it, and what."""

    def format(self, record: logging.LogRecord) -> str:
        # Text from outside cannot begin a line, and cannot make a terminal do anything.
        lines = hiding.hidden(super().format(record)).split("\n")
        return "\n    ".join(_UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], line) for line in lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line.

    `time` (UTC), `level`, `logger`, `message`, `process`; what it is about (`job`, `repository`, `flavour`, `runner`,
    `request`, `route`, `user`, …); `exception` and `traceback` where something went wrong.
    """

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": role(),
            "pid": record.process,
            **_always,
            **_about.get({}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            told["exception"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
            told["traceback"] = self.formatException(record.exc_info)
        # Each value before it is written as JSON: a mark inside of an escape would tear it.
        return json.dumps({key: _plain(value) for key, value in told.items()}, ensure_ascii=False)


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | float | None) else hiding.hidden(str(value))


def configuration(log_format: str, level: str) -> dict[str, Any]:
    """The entry for Django's LOGGING."""
    formatter = {
        "json": {"()": "core.journal.JsonFormatter"},
        "text": {
            "()": "core.journal.TextFormatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        },
    }[log_format]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # One line for every question to an engine would hide all others.
            "httpx": {"level": "WARNING"},
            # For people, one line for every request would as well.
            ACCESS: {"level": level if log_format == "json" else "WARNING"},
        },
    }
