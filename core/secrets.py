"""Secrets that an installation gives to its plugins, by name."""

from __future__ import annotations

import os
import re
from pathlib import Path

from core import configuration
from core.errors import ConfigurationError


def secret(name: str) -> str | None:
    """Read a secret: the environment's `DEPLOYER_SECRET_<NAME>`, else the file of that name in the secrets directory.

    :param name: letters, digits and `_`; in small letters where it is a file's name.
    :returns: the value without a line's end after it; None where it is not set.
    :raises ConfigurationError: the name is none, or the file cannot be read.
    """
    path = secret_path(name)
    value = os.environ.get(f"{configuration.PREFIX}SECRET_{name.upper()}")
    if value is not None:
        return value
    try:
        return path.read_text().rstrip("\n")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"secret {name!r} cannot be read from {path}: {error}") from None


def secret_file(name: str) -> str:
    """Say where a secret is looked for, for those who have to set it."""
    return f"{configuration.PREFIX}SECRET_{name.upper()} or the file {secret_path(name)}"


def secret_path(name: str) -> Path:
    """The file that a secret is in, for what has to be a file. Whoever reads it takes care of who else can."""
    if not re.fullmatch(r"[A-Za-z0-9_]{1,100}", name):
        raise ConfigurationError(f"{name!r} is no secret's name: letters, digits and `_`")
    return configuration.current().secrets_dir / name.lower()
