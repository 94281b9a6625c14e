"""How often somebody may fail to log in: by name, and by address. It holds for all processes that share a data directory.

What is counted is bytes: each failure appends one to the file of its key and its quarter of an hour, which no two processes
can do at the same time in a way that loses one. Names and addresses are not on the disk, only what they hash to.
"""

from __future__ import annotations

import contextlib
import logging
import time
import unicodedata
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from core import configuration
from core.limits import network

logger = logging.getLogger(__name__)

#: Seconds in which failures are counted together.
WINDOW = 900
#: Failures in a window after which no further attempt is looked at. Many people may share an address.
BY_NAME, BY_ADDRESS = 20, 100


def wait(name: str, address: str) -> int:
    """Seconds until this name and address may be tried again; 0 where they may be now."""
    now = time.time()
    if any(_count(path) >= most for path, most in _keys(name, address, now)):
        return int(WINDOW - now % WINDOW) + 1
    return 0


def failed(name: str, address: str) -> bool:
    """Count a failure; answer whether it is the one after which the name may not be tried for a while.

    Where it cannot be written down, people can log in all the same: they may want to mend just that.
    """
    now, last = time.time(), False
    try:
        for path, most in _keys(name, address, now):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(b".")
            last |= most == BY_NAME and _count(path) == most
        _tidy(now)
    except OSError as error:
        logger.warning("a failed login could not be counted: %s", error)
    return last


def _keys(name: str, address: str, now: float) -> Iterator[tuple[Path, int]]:
    window = int(now // WINDOW)
    # As the form reads it: what stands for the same name is the same name.
    name = unicodedata.normalize("NFKC", name.strip()).strip().casefold()
    for key, most in ((f"name {name}", BY_NAME), (f"address {network(address)}", BY_ADDRESS)):
        digest = sha256(key.encode(errors="replace")).hexdigest()[:32]
        yield _directory() / str(window) / digest, most


def _directory() -> Path:
    return configuration.current().data_dir / "attempts"


def _count(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tidy(now: float) -> None:
    """Remove the windows that are over."""
    for directory in _directory().iterdir():
        if directory.name < str(int(now // WINDOW)):
            with contextlib.suppress(OSError):
                for path in directory.iterdir():
                    path.unlink()
                directory.rmdir()
