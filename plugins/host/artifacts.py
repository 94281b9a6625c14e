"""What was built on this host: directory trees that are named by their content, whole or not there at all.

artifacts/<64 hex digits>/      an artifact, read-only by agreement: releases are copies of it
artifacts/<64 hex digits>.json  a release for several platforms: which artifact is for which
artifacts/.lock                 shared by whoever stores; whoever has it alone may sweep what a crash left
images/<name>.json              the digest that an image name was last published with
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from threading import Event

from core.api import Stalled
from plugins.host import trees
from plugins.host.commands import platform_of
from plugins.host.files import lock_file, read_json, safe_name, write_json

#: The one platform that can be built for and deployed to here.
HERE = platform_of(platform.machine())
#: Releases of an image name that are held at most. The deployer has those removed before that nobody can go back to.
KEPT_RELEASES = 1000
#: Seconds after which an artifact that no image name holds is removed; until then its release may wait for approval.
UNPUBLISHED_FOR = 30 * 86400
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class ArtifactStore:
    """The artifacts in a data directory.

    :param data: what the plugin keeps on this host.
    """

    def __init__(self, data: Path) -> None:
        self._root = data / "artifacts"
        self._images = data / "images"

    def store(self, directory: Path, stop: Event) -> str:
        """Keep a copy of a directory and answer its digest. Storing the same again changes nothing.

        :raises OperationError: the disk refuses.
        :raises Stalled: something in it cannot be kept.
        """
        with trees.disk_errors(self._root), self._new_tree() as new:
            name = trees.copy(directory, new, stop)
            _rename(new, self._root / name)
        return f"sha256:{name}"

    def digest_of(self, directory: Path, stop: Event) -> str:
        """What `store` would answer, for what nobody will deploy.

        :raises OperationError: the disk refuses.
        :raises Stalled: something in it cannot be kept.
        """
        with trees.disk_errors(directory):
            return f"sha256:{trees.copy(directory, None, stop)}"

    def path(self, digest: str) -> Path | None:
        """Where the artifact is for this platform; None when it is not on this host."""
        name = _name(digest)
        here = read_json(self._root / f"{name}.json").get(HERE)
        path = self._root / (_name(here) if here else name)
        return path if path.is_dir() else None

    def publish(self, image: str, artifacts: Mapping[str, str]) -> str:
        """Put an image name on the artifacts of a release, by platform, and answer the release's digest.

        :raises Stalled: there is no artifact, or one is not on this host.
        """
        if not artifacts:
            raise Stalled(f"no build of {image} is known: build the commit again")
        for artifact in artifacts.values():
            if not self.path(artifact):
                raise Stalled(f"artifact {artifact} is not on this host any more: build the commit again")
        with trees.disk_errors(self._root):
            self._images.mkdir(parents=True, exist_ok=True)
            with lock_file(self._images / ".lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                digest = self._manifest(artifacts) if len(artifacts) > 1 else next(iter(artifacts.values()))
                self._record(image, digest)
                self._remove_old()
        return digest

    def forget(self, gone: Iterable[tuple[str, str]], kept: Collection[str], stop: Event) -> tuple[int, int]:
        """Remove the artifacts of releases, by image name and digest; answer how many there were, and their bytes.

        What another image name holds, or is part of what is kept, stays.

        :raises OperationError: the disk refuses.
        """
        count = size = 0
        with trees.disk_errors(self._root):
            self._images.mkdir(parents=True, exist_ok=True)
            with lock_file(self._images / ".lock") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                these = list(gone)
                for image, digest in these:
                    path = self._images / f"{safe_name(image)}.json"
                    known = read_json(path)
                    if digest in known.get("digests", []) and digest not in kept:
                        write_json(path, {**known, "digests": [each for each in known["digests"] if each != digest]})
                parts = {part for _, digest in these for part in self._parts(digest)}
                held = self._held({*kept})
                for digest in sorted(({digest for _, digest in these} | parts) - held):
                    path = self._root / _name(digest)
                    for each in (path, path.with_name(f"{path.name}.json")):
                        if each.exists() and not stop.is_set():
                            size += _size(each)
                            count += each.is_dir()
                            self._remove(each)
        return count, size

    def _parts(self, digest: str) -> set[str]:
        return set(read_json(self._root / f"{_name(digest)}.json").values())

    def _held(self, kept: set[str]) -> set[str]:
        """The artifacts that an image name holds, or that are kept, with their parts."""
        held = kept | {each for path in self._images.glob("*.json") for each in read_json(path).get("digests", [])}
        return held | {part for digest in held for part in self._parts(digest)}

    def _manifest(self, artifacts: Mapping[str, str]) -> str:
        text = json.dumps(dict(artifacts), sort_keys=True, separators=(",", ":"))
        name = hashlib.sha256(text.encode()).hexdigest()
        write_json(self._root / f"{name}.json", artifacts)
        return f"sha256:{name}"

    def _record(self, image: str, digest: str) -> None:
        path = self._images / f"{safe_name(image)}.json"
        older = [each for each in read_json(path).get("digests", []) if each != digest]
        write_json(path, {"image": image, "digests": [digest, *older][:KEPT_RELEASES]})

    def _remove_old(self) -> None:
        held = self._held(set())
        for path in self._root.glob("[0-9a-f]*"):
            if f"sha256:{path.stem}" not in held and path.stat().st_mtime < time.time() - UNPUBLISHED_FOR:
                self._remove(path)

    def _remove(self, path: Path) -> None:
        with self._new_tree() as gone, contextlib.suppress(FileNotFoundError):
            path.rename(gone)

    @contextlib.contextmanager
    def _new_tree(self) -> Iterator[Path]:
        """A path for a tree that is not whole yet; what is there in the end is removed."""
        self._root.mkdir(parents=True, exist_ok=True)
        with lock_file(self._root / ".lock") as lock:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._sweep()
            fcntl.flock(lock, fcntl.LOCK_SH)
            directory = Path(tempfile.mkdtemp(prefix=".new-", dir=self._root))
            try:
                yield directory / "tree"
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    def _sweep(self) -> None:
        for left in self._root.glob(".new-*"):
            shutil.rmtree(left, ignore_errors=True)


def _size(path: Path) -> int:
    """The bytes of a file, or of those below a directory."""
    if not path.is_dir():
        return path.stat().st_size
    return sum(each.lstat().st_size for each in path.rglob("*") if not each.is_dir())


def _name(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if not match:
        raise Stalled(f"{digest!r} is no digest of an artifact of this host (`sha256:` and 64 hexadecimal digits)")
    return match[1]


def _rename(new: Path, final: Path) -> None:
    try:
        new.rename(final)
    except OSError:
        if not final.is_dir():
            raise
        os.utime(final)  # the same was stored before; it is wanted again
