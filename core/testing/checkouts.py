"""Checkouts of commits that are directories: what a builder needs of a source, without one."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DirectoryCheckout:
    """Puts a copy of some files where a builder wants them (`core.values.Checkout`)."""

    files: Path

    async def __call__(self, directory: Path, *, history: bool = False) -> None:
        assert not directory.exists(), "a checkout goes into a directory that does not exist yet"
        await asyncio.to_thread(shutil.copytree, self.files, directory, symlinks=True)
