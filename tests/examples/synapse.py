"""Synapse, Matrix's homeserver, in an environment of its own: what it depends on need not suit the deployer.

It is installed by pip on first use and kept in a cache of this machine; nothing of it is in this repository.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cache import kept
from tests.real import skip_or_fail

_WANTED = "matrix-synapse~=1.163"
_TIMEOUT = 240


def python() -> str:
    """The Python that has it. Where it cannot be installed the test is skipped, or fails if every service is required."""
    version = "".join(map(str, sys.version_info[:2]))
    return str(kept(f"{_WANTED.replace('~=', '-')}-python{version}", _install) / "bin" / "python")


def _install(place: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    command = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-compile", "--only-binary", "matrix-synapse", _WANTED]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT)
    except subprocess.TimeoutExpired:
        skip_or_fail(f"{_WANTED} is not installed: pip did not end within {_TIMEOUT} s")
    if done.returncode:
        skip_or_fail(f"{_WANTED} cannot be installed by pip: {done.stderr.strip()[-300:]}")
