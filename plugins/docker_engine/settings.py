"""Settings of this plugin, from the environment."""

from __future__ import annotations

import os

from core.api import ConfigurationError


def builds_at_once() -> int:
    """Builds that one engine has in hand at once."""
    return _number("DEPLOYER_DOCKER_BUILDS", 4, least=1)


def cache_bytes() -> int:
    """Bytes of build cache that an engine may keep."""
    return _number("DEPLOYER_DOCKER_CACHE_GB", 20, least=0) * 10**9


def _number(variable: str, default: int, *, least: int) -> int:
    words = os.environ.get(variable, "")
    if words and not (words.isdecimal() and int(words) >= least):
        raise ConfigurationError(f"{variable} is {words!r}: it has to be a whole number, {least} or more")
    return int(words) if words else default
