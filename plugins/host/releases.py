"""A service's directory: its releases side by side, and the one link that says which of them it is.

    releases/<name>/        a copy of an artifact: the service may write in it without changing the artifact
    releases/<name>.json    its digest and how it is run: rendered when it was made, so that going back to it goes back
                            to its own command and environment as well
    current                 a link to `releases/<name>`; moved in one step
    settled.json            the last release that was deployed to the end and was healthy
    activating.json         there while an activation is not finished: with the mark that its processes carry
    home/                   HOME of the service's commands: what they keep from one release to the next
    deploy.lock             whoever deploys has it
    supervisor.lock, state.json, service.log    see `plugins.host.supervisor`

A release's name is the first 12 digits of its digest and, as the same artifact may be run in different ways, 6 of the
digest of how it is run. A release is there when its directory is: that comes last, by a rename.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

from core.api import Waiting
from plugins.host import supervisor, trees
from plugins.host.files import lock_file, read_json, write_json

#: Names of what is not whole yet, or not any more; `sweep` removes it.
_NEW, _GONE = ".new-", ".gone-"


@dataclass(frozen=True, slots=True)
class HostRelease:
    """A release in a service's directory.

    :param spec: how it is run: `command`, `activate`, `env`, `port`, `health`, `health_timeout`, `stop_timeout`.
    """

    path: Path
    digest: str
    spec: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.path.name


class ServiceDirectory:
    """The directory of one service."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.home = self.path / "home"
        self._releases = self.path / "releases"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have it alone for a deployment.

        :raises Waiting: somebody else has it.
        :raises OperationError: the disk refuses.
        """
        with trees.disk_errors(self.path):
            self._releases.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(exist_ok=True)
        with lock_file(self.path / "deploy.lock") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Waiting(f"another deployment works in {self.path}", retry_in=5) from None
            yield

    def sweep(self, _: Event) -> None:
        """Remove releases that a killed deployment left half made, or half removed."""
        for left in [*self._releases.glob(f"{_NEW}*"), *self._releases.glob(f"{_GONE}*")]:
            shutil.rmtree(left, ignore_errors=True)
        for left in self._releases.glob(".*.new"):
            left.unlink()

    @property
    def activating(self) -> Path:
        """The file that is there while an activation is not finished."""
        return self.path / "activating.json"

    @property
    def current(self) -> HostRelease | None:
        """The release that the link points to."""
        return self.release(supervisor.current(self.path))

    @property
    def settled(self) -> HostRelease | None:
        """The last release that was deployed to the end, if it is still there."""
        return self.release(read_json(self.path / "settled.json").get("release", ""))

    @property
    def settled_at(self) -> datetime | None:
        at = read_json(self.path / "settled.json").get("at")
        return datetime.fromisoformat(at) if at else None

    def release(self, name: str) -> HostRelease | None:
        """The release of this name, if it is there."""
        path = self._releases / name
        known = read_json(self._releases / f"{name}.json") if name else {}
        return HostRelease(path, known["digest"], known["spec"]) if known and path.is_dir() else None

    def planned(self, digest: str, spec: Mapping[str, Any]) -> HostRelease:
        """What the release of this digest, run in this way, will be; it may be there already."""
        how = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:6]
        return HostRelease(self._releases / f"{digest.removeprefix('sha256:')[:12]}-{how}", digest, spec)

    def add(self, release: HostRelease, artifact: Path, stop: Event) -> None:
        """Make the directory of a release: whole or not at all.

        :raises OperationError: the disk refuses.
        """
        new = self._releases / f"{_NEW}{release.name}"
        with trees.disk_errors(new):
            shutil.rmtree(new, ignore_errors=True)
            try:
                trees.copy(artifact, new, stop)
                write_json(self._about(release), {"digest": release.digest, "spec": release.spec})
                new.rename(release.path)
            finally:
                shutil.rmtree(new, ignore_errors=True)

    def point(self, release: HostRelease | None) -> None:
        """Move the link, in one step; None removes it."""
        link, new = self.path / "current", self.path / ".current.new"
        with trees.disk_errors(link):
            new.unlink(missing_ok=True)
            if release:
                new.symlink_to(Path("releases") / release.name)
                new.replace(link)
            else:
                link.unlink(missing_ok=True)

    def settle(self, release: HostRelease, now: datetime) -> None:
        """Write down that this release was deployed to the end."""
        with trees.disk_errors(self.path):
            self.activating.unlink(missing_ok=True)
            settled = self.settled
            if not settled or settled.name != release.name:
                os.utime(self._about(release))
                write_json(self.path / "settled.json", {"release": release.name, "at": now.isoformat()})

    def prune(self, keep: int, _: Event) -> None:
        """Remove all releases but the newest; never the one that settled."""
        with trees.disk_errors(self.path):
            settled = self.settled
            names = [path.stem for path in sorted(self._releases.glob("*.json"), key=_age)]
            for name in [name for name in names if not settled or name != settled.name][keep - 1 :]:
                self._remove(name)

    def _remove(self, name: str) -> None:
        gone = self._releases / f"{_GONE}{name}"
        with contextlib.suppress(FileNotFoundError):
            (self._releases / name).rename(gone)
        (self._releases / f"{name}.json").unlink()
        shutil.rmtree(gone, ignore_errors=True)

    def _about(self, release: HostRelease) -> Path:
        return release.path.with_name(f"{release.name}.json")


def _age(path: Path) -> float:
    return -path.stat().st_mtime
