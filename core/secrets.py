"""Secrets that an installation gives to its plugins, by name."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from core import configuration
from core.errors import ConfigurationError

#: Bytes.
_LARGEST = 1 << 16
#: Characters. A shorter one is met in ordinary output: the logs of jobs would be torn to pieces.
SHORTEST = 8
#: What no message of this process may show.
_known: set[str] = set()


def remember(values: Iterable[str]) -> None:
    """Have these values replaced in every message of this process (`core.journal`)."""
    _known.update(value for value in values if value)


def count() -> int:
    """How many secrets this process has come by: where it is the same as before, they are."""
    return len(_known)


def known() -> frozenset[str]:
    """Every secret that this process has come by."""
    return frozenset(_known)


def secret(name: str) -> str | None:
    """Read a secret: the environment's `DEPLOYER_SECRET_<NAME>`, else its file (`secret_path`).

    :param name: letters, digits and `_`; in small letters where it is a file's name.
    :returns: the value without a line's end after it; None where it is not set.
    :raises ConfigurationError: the name is none, or the file cannot be read.
    """
    path = secret_path(name)
    variable = _variable(name)
    value = os.environ.get(variable)
    if value is None:
        named = configuration.from_file(variable)
        value = configuration.read_file(named, variable) if named else _from_file(name, path)
    if value:
        remember([value])
    return value


def all_values() -> frozenset[str]:
    """Every secret of this installation that can be found: for what is handed out, and must not hold one by accident.

    Files that are too large for a secret, or no text, are none.
    """
    current = configuration.current()
    named = f"{configuration.PREFIX}SECRET_"
    found = {value for name, value in os.environ.items() if name.startswith(named) and value}
    with contextlib.suppress(OSError):
        found.update(filter(None, map(_text, current.secrets_dir.iterdir())))
    return frozenset({*found, *current.secrets(), *_known})


def _text(path: Path) -> str:
    try:
        return path.read_text().strip() if path.is_file() and path.stat().st_size <= _LARGEST else ""
    except (OSError, ValueError):
        return ""


def _from_file(name: str, path: Path) -> str | None:
    try:
        return path.read_text().rstrip("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"secret {name!r} cannot be read from {path}: {error}") from None


def secret_file(name: str) -> str:
    """Say where a secret is looked for, for those who have to set it."""
    return f"{_variable(name)} or the file {secret_path(name)}"


def secret_path(name: str) -> Path:
    """The file that a secret is in, for what has to be a file. Whoever reads it takes care of who else can.

    It is the one that `DEPLOYER_SECRET_<NAME>_FILE` names, or the one of its name in the secrets directory.
    """
    if not re.fullmatch(r"[A-Za-z0-9_]{1,100}", name):
        raise ConfigurationError(f"{name!r} is no secret's name: letters, digits and `_`")
    return configuration.from_file(_variable(name)) or configuration.current().secrets_dir / name.lower()


def _variable(name: str) -> str:
    return f"{configuration.PREFIX}SECRET_{name.upper()}"
