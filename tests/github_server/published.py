"""What GitHub publishes of itself, as npm packages: the description of its REST API, its GraphQL schema, sample webhooks.

They are fetched on first use and kept in a cache of this machine; nothing of them is in this repository.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from graphql import GraphQLSchema, build_schema

from tests.real import skip_or_fail

#: Packages, and the one file that is wanted of each.
_OPENAPI = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json")
_GRAPHQL = ("@octokit/graphql-schema@15.26.1", "package/schema.graphql")
_WEBHOOKS = ("@octokit/webhooks-examples@7.6.1", "package/api.github.com/index.json")


@cache
def openapi() -> dict[str, Any]:
    """GitHub's description of its REST API (OpenAPI 3.0)."""
    return dict(json.loads(_file(*_OPENAPI).read_bytes()))


@cache
def graphql_schema() -> GraphQLSchema:
    """GitHub's GraphQL schema. The schema itself is not checked: this version of it has a field twice."""
    return build_schema(_file(*_GRAPHQL).read_text(), assume_valid=True, assume_valid_sdl=True)


@cache
def webhooks() -> dict[str, list[dict[str, Any]]]:
    """Sample payloads of webhooks, by event."""
    return {each["name"]: each["examples"] for each in json.loads(_file(*_WEBHOOKS).read_bytes())}


def examples(event: str) -> list[dict[str, Any]]:
    """Sample payloads of an event, copies of their own."""
    return [dict(json.loads(json.dumps(each))) for each in webhooks()[event]]


def _file(package: str, member: str) -> Path:
    """The wanted file of a package, fetched if it is not here yet; several test processes may ask at once."""
    directory = Path(os.environ.get("DEPLOYER_TEST_CACHE") or Path.home() / ".cache" / "deployer-tests")
    path = directory / f"{package.replace('/', '-').lstrip('@')}-{Path(member).name}"
    if not path.exists():
        directory.mkdir(parents=True, exist_ok=True)
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                _fetch(package, member, path)
    return path


def _fetch(package: str, member: str, path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        skip_or_fail("npm is not installed, which fetches GitHub's published schemas (Debian: apt install npm)")
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        packed = subprocess.run(
            [npm, "pack", "--silent", package], cwd=name, capture_output=True, text=True, check=False
        )
        if packed.returncode:
            skip_or_fail(f"{package} cannot be fetched: {packed.stderr.strip()[-300:]}")
        with tarfile.open(Path(name) / packed.stdout.strip().splitlines()[-1]) as archive:
            wanted = archive.extractfile(member)
            assert wanted is not None
            part = Path(name) / "part"
            part.write_bytes(wanted.read())
        part.rename(path)
