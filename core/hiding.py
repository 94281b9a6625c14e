"""Texts without secrets: for what is kept or shown of an error, and for the processes' messages. See `core.logs.redact`."""

from __future__ import annotations

from functools import lru_cache

from core import secrets
from core.logs.redact import Redactor


def hidden(text: str) -> str:
    """A text without any secret that this process has come by: for what is kept or shown of an error."""
    redactor = _redactor(secrets.known())
    if redactor is None:
        return text
    return redactor.hide(text.encode("utf-8", "surrogatepass")).decode(errors="replace")


@lru_cache(1)
def _redactor(values: frozenset[str]) -> Redactor | None:
    if not values:
        return None
    redactor = Redactor()
    for value in values:
        redactor.add(value)
    return redactor
