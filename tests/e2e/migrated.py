"""A database with all tables and nothing in them: to make them takes as long as all else that a pipeline starts with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import django

from tests.cache import kept

_ROOT = Path(__file__).parents[2]
_NAME = "deployer.sqlite3"


def into(data: Path) -> None:
    """Put it into a data directory."""
    data.mkdir(parents=True)
    shutil.copy(kept(f"migrated-{_version()}.sqlite3", _make), data / _NAME)


def _version() -> str:
    """What it is made of: all migrations, and what is set up after them."""
    made_of = [django.__version__.encode()]
    for pattern in ("core/migrations/*.py", "plugins/*/migrations/*.py", "core/services/audit.py", "pyproject.toml"):
        made_of += [path.read_bytes() for path in sorted(_ROOT.glob(pattern))]
    return sha256(b"\0".join(made_of)).hexdigest()[:16]


def _make(path: Path) -> None:
    data = path.with_name("data")
    # The tests' own settings, what they declare beside ours among it, are not for everybody.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DEPLOYER_")}
    environment |= {"DEPLOYER_DATA_DIR": str(data), "PYTHONPATH": ""}
    command = [sys.executable, str(_ROOT / "manage.py"), "migrate", "-v0"]
    subprocess.run(command, env=environment, cwd=_ROOT, check=True, timeout=300)
    (data / _NAME).rename(path)
