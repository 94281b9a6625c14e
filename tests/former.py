"""The former version of the deployer: the newest commit whose last migration is the one before those of this version."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: The last migration of the former version. A release moves it on.
LAST = "0009_commit_hash.py"


def former(directory: Path) -> Path:
    """Put its files into a directory. Where the clone does not have it the test is skipped."""
    commit = _commit()
    if not commit:
        reason = f"no commit of this clone has {LAST} as its last migration: fetch the history (git fetch --unshallow)"
        # CI has the whole of it.
        if os.environ.get("DEPLOYER_REQUIRE_SERVICES") and (ROOT / ".git").exists() and not _is_shallow():
            pytest.fail(reason)
        pytest.skip(reason)
    archive = directory / "former.tar"
    _git("archive", "--output", str(archive), commit)
    with tarfile.open(archive) as files:
        files.extractall(directory / "former", filter="data")
    return directory / "former"


def _commit() -> str:
    for commit in _git("rev-list", "--topo-order", "--max-count=2000", "HEAD").split():
        names = _git("ls-tree", "--name-only", f"{commit}:core/migrations").split()
        numbered = [name for name in names if name[0].isdigit()]
        if numbered and max(numbered) == LAST:
            return commit
    return ""


def _is_shallow() -> bool:
    return _git("rev-parse", "--is-shallow-repository").strip() == "true"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
