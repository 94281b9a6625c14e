"""The log store that this installation is configured with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from core import configuration
from core.buckets import Address
from core.configuration import Configuration
from core.logs.s3 import Bucket
from core.logs.shelves import Shelf
from core.logs.store import LogStore


def store() -> LogStore:
    """The logs of this installation."""
    return of(configuration.current())


def of(own: Configuration) -> LogStore:
    """The logs of an installation with this configuration."""
    return _store(own.logs_dir, own.log_store)


def name() -> str:
    """Where logs are kept when their jobs are over, in words."""
    address = configuration.current().log_store
    return str(Address.parse(address)) if address else "the disk"


@lru_cache(maxsize=4)
def _store(root: Path, address: str) -> LogStore:
    shelf: Shelf | None = Bucket(Address.parse(address)) if address else None
    return LogStore(root, shelf)
