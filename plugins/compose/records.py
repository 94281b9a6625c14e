"""What is kept of a project on this host: the files that it was healthy with, to go back to, and what an attempt found.

projects/<name>/settled.json  the last few files that were brought up and became healthy, the newest first
projects/<name>/moving.json   what was there before an attempt that has not ended yet
projects/<name>/.lock         held by whoever changes the project
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.api import OperationError, Waiting

#: Files that are kept of each project.
KEPT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFile:
    """A compose file with a release in it.

    :param digest: of the release; empty for an image that is known by none.
    :param env: what is put for its variables.
    :param main: the services that run the release.
    :param made_from: by service, what compose made each container from, once it was healthy (`Standing.made_from`).
    """

    digest: str
    reference: str
    text: str
    env: Mapping[str, str]
    main: tuple[str, ...]
    made_from: Mapping[str, list[str]] = field(default_factory=dict)

    def same_as(self, other: ProjectFile) -> bool:
        """Whether compose would do the same with both."""
        return (self.text, dict(self.env)) == (other.text, dict(other.env))


@dataclass(frozen=True, slots=True)
class Before:
    """What an attempt found when it began.

    :param reference: the image that ran; empty for none.
    :param containers: the ids of those that ran.
    """

    reference: str
    containers: tuple[str, ...]


class Records:
    """The records of one project.

    :param data: what the plugin keeps on this host.
    :param name: of the project and its host.
    """

    def __init__(self, data: Path, name: str) -> None:
        self.path = data / "projects" / _safe(name)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Be the only one who changes the project, among the runners of this host.

        :raises Waiting: somebody else is at it.
        :raises OperationError: the disk refuses.
        """
        with _disk_errors(self.path):
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Waiting(f"another deployment changes project {self.path.name}", retry_in=5) from None
            yield
        finally:
            os.close(lock)

    def settled(self, digest: str) -> ProjectFile | None:
        """The newest file for a digest that the project was healthy with."""
        return next((each for each in self._files() if each.digest == digest), None)

    def settle(self, file: ProjectFile) -> None:
        """Keep a file that the project is healthy with, and forget what was before."""
        others = [each for each in self._files() if not each.same_as(file)]
        self._write("settled.json", {"files": [asdict(each) for each in [file, *others][:KEPT]]})
        self.forget()

    def begin(self, before: Before) -> Before:
        """Note what is there before it is changed; an attempt that takes up another's work gets what that one found."""
        earlier = self._read("moving.json")
        if {"reference", "containers"} <= earlier.keys():
            return Before(earlier["reference"], tuple(earlier["containers"]))
        self._write("moving.json", {"reference": before.reference, "containers": list(before.containers)})
        return before

    def forget(self) -> None:
        """Forget what was before: the attempt has ended."""
        with _disk_errors(self.path):
            (self.path / "moving.json").unlink(missing_ok=True)

    def _files(self) -> list[ProjectFile]:
        kept = self._read("settled.json").get("files", [])
        try:
            return [ProjectFile(**{**each, "main": tuple(each["main"])}) for each in kept]
        except (TypeError, KeyError):  # written by another version: what cannot be read is not gone back to
            return []

    def _read(self, name: str) -> dict[str, Any]:
        try:
            kept = json.loads((self.path / name).read_text())
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _write(self, name: str, value: Mapping[str, Any]) -> None:
        new = self.path / f".{name}.new"
        with _disk_errors(self.path):
            new.touch(mode=0o600)
            new.write_text(json.dumps(value, indent=1, sort_keys=True))
            new.replace(self.path / name)


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OperationError(f"{error.filename or path}: {error.strerror or error}") from error


def _safe(name: str) -> str:
    """A directory's name for any text: readable, and different for different texts."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[:80]
    return f"{readable}-{hashlib.sha256(name.encode(errors='surrogateescape')).hexdigest()[:8]}"
