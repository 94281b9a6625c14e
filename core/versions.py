"""Which version of the deployer runs in this process."""

from __future__ import annotations

from importlib import metadata


def _installed() -> str:
    try:
        return metadata.version("deployer")
    except metadata.PackageNotFoundError:
        return "from a checkout"


VERSION = _installed()
