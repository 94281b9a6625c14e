"""Capability files: who holds one may do what it is for. Read with the care of a key."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

from core.api import ConfigurationError
from ocluster.rpc.sturdy_ref import SturdyRef

#: Bytes of any sturdy ref, with room to spare.
_LONGEST = 4096


def read(path: Path, setting: str) -> SturdyRef:
    """Read a capability file.

    :param setting: what names the file, for the error.
    :raises ConfigurationError: it cannot be used; says which setting or file to mend, and how.
    """
    try:
        return SturdyRef.parse(_text(path, setting))
    except ValueError as error:
        raise ConfigurationError(
            f"{path} is no capability file: {error}. Copy it again from the scheduler, or name another by {setting}"
        ) from None


def _text(path: Path, setting: str) -> str:
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            if mode & stat.S_IROTH:
                raise ConfigurationError(
                    f"{path} can be read by everybody on this host, and whoever reads it can use the cluster as we do: run"
                    f" `chmod o= {path}`, or give the Docker secret `mode: 0440`"
                )
            return file.read(_LONGEST).decode()
    except OSError as error:
        raise ConfigurationError(_why_unreadable(path, setting, error)) from None


def _why_unreadable(path: Path, setting: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        how = f"put the one there that the cluster's owner gave you, or name it by {setting}"
        return f"there is no capability file {path}: {how}"
    return f"the capability file {path}, which {setting} names, cannot be read: {error.strerror or error}"
