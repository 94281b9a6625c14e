"""What takes long to make and is the same for every run of the tests: made once, and kept."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def kept(name: str, make: Callable[[Path], None]) -> Path:
    """Answer the file or directory of this name, made if it is not here yet; several test processes may ask at once.

    :param name: says what it is made of too: another one is made when that changes.
    :param make: makes it at the path that it is given, in a directory that holds nothing else and goes afterwards.
    """
    directory = Path(os.environ.get("DEPLOYER_TEST_CACHE") or Path.home() / ".cache" / "deployer-tests")
    path = directory / name
    if path.exists():
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=directory) as scratch:
                part = Path(scratch) / "part"
                make(part)
                # It is where it is looked for when it is whole: whoever makes it may be killed.
                part.rename(path)
    return path
