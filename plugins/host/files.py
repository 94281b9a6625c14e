"""Files that this plugin keeps: JSON that is never seen half written, and names that are safe as paths. Only the
standard library, as the supervisor imports it too.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Replace a file in one step; only this user may read it. One writer at a time: it has a lock of its own.

    A kill may leave `.NAME.new` behind, which the next write replaces.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        new.touch(mode=0o600)
        new.write_text(json.dumps(value, indent=1, sort_keys=True))
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def read_json(path: Path) -> dict[str, Any]:
    """What a file holds; nothing where it is absent or was not written by `write_json`."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """Open a file for `fcntl.flock`; what was locked is unlocked in the end, even when the process is killed."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def safe_name(text: str) -> str:
    """A file name for any text: readable, never hidden, never an option, different for different texts."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:80]
    if readable == text:
        return text
    return f"{readable or 'unnamed'}-{hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:8]}"
