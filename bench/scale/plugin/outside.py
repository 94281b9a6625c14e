"""The simulated outside: repositories and services as files, and how long things take there.

The times are those of real ones: a Git server's answer over HTTPS, builds with a warm cache (log-normal, most between
5 and 60 s), a push of a few layers, a Swarm service's move until it is healthy. `rush` makes the long ones take no time.
"""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path

#: Seconds that a source or a service takes to answer.
LOOK = 0.08
#: Seconds that half of all builds take at most, and how far they are spread (the logarithm's standard deviation).
_BUILD, _SPREAD = 15.0, 0.6
_PUBLISH, _DEPLOY = 2.0, 5.0


def _place() -> Path:
    return Path(os.environ["SCALE_OUTSIDE"])


def rushing() -> bool:
    return (_place() / "rush").exists()


def rush(on: bool) -> None:
    """Have builds, publications and moves take no time, or their own again."""
    if on:
        (_place() / "rush").touch()
    else:
        (_place() / "rush").unlink(missing_ok=True)


def build_seconds(commit: str) -> float:
    """Of a commit's build: always the same for the same one."""
    if rushing():
        return 0.0
    return random.Random(commit).lognormvariate(math.log(_BUILD), _SPREAD)


def publish_seconds() -> float:
    return 0.0 if rushing() else _PUBLISH


def deploy_seconds() -> float:
    return 0.0 if rushing() else _DEPLOY


def refs(repository: str) -> dict[str, str]:
    """The commit of each ref."""
    return dict(json.loads(_refs(repository).read_text()))


def push(repository: str, moved: dict[str, str]) -> None:
    """Move refs of a repository, and make it where there is none."""
    path = _refs(repository)
    path.parent.mkdir(parents=True, exist_ok=True)
    now = refs(repository) if path.exists() else {}
    _write(path, json.dumps(now | moved))


def version(repository: str) -> str:
    """Another one after each push."""
    return str(_refs(repository).stat().st_mtime_ns)


def running(service: str) -> str | None:
    """The digest that a service runs."""
    try:
        return (_place() / "running" / service).read_text()
    except FileNotFoundError:
        return None


def run(service: str, digest: str) -> None:
    path = _place() / "running" / service
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, digest)


def _refs(repository: str) -> Path:
    return _place() / "refs" / f"{repository.replace('/', '+')}.json"


def _write(path: Path, text: str) -> None:
    """Whole or not at all: others read at the same time."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)
