"""An image copied from one repository to another, byte for byte: its digest stays what it was."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Event

import requests
from dxf.exceptions import DXFMountFailed

from containers.names import ImageName
from containers.registry import threads
from containers.registry.connection import Connection, connected
from containers.registry.manifests import Descriptor, Manifest, parse
from core.api import OperationError, Stalled

#: How registries refuse to take a blob over.
_REFUSED = (400, 401, 403, 404, 405, 415)
#: How deep indices may be in indices.
_DEPTH = 4


def copy_image(source: ImageName, target: ImageName, note: Callable[[str], None], stop: Event) -> str:
    """Copy an image, or an index with all that it names. See the package."""
    if not source.digest:
        raise Stalled(f"{source} is told by a tag, which may move while it is copied: it has to be a digest")
    with connected(source) as here, connected(target) as there, tempfile.TemporaryDirectory(prefix="image-") as scratch:
        _Copy(source, target, here, there, Path(scratch), note, stop).document(source.digest, 0)
    return source.digest


class _Copy:
    """One copy under way."""

    def __init__(
        self,
        source: ImageName,
        target: ImageName,
        here: Connection,
        there: Connection,
        scratch: Path,
        note: Callable[[str], None],
        stop: Event,
    ) -> None:
        self._source, self._target, self._here, self._there = source, target, here, there
        self._scratch, self._note, self._stop = scratch, note, stop

    def document(self, digest: str, depth: int) -> None:
        """Copy a manifest or an index; what it names goes first, as registries want it."""
        threads.check(self._stop)
        if depth > _DEPTH:
            raise OperationError(f"{self._source} is an index in an index in an index, for ever")
        if self._there.has_manifest(digest):
            return
        received = self._here.manifest(digest)
        document = parse(received.body, received.media_type, self._source)
        if isinstance(document, Manifest):
            for each in (document.config, *document.layers):
                self._blob(each)
        else:
            for each in document.manifests:
                self.document(each.digest, depth + 1)
        told = self._there.put_manifest(digest, document.media_type, received.body)
        if told not in ("", digest):
            raise OperationError(f"{self._target.registry} was sent {digest} and says it has {told[:80]}")

    def _blob(self, wanted: Descriptor) -> None:
        threads.check(self._stop)
        if self._there.has_blob(wanted.digest):
            return
        if self._source.registry == self._target.registry and self._mounted(wanted.digest):
            return
        self._note(f"copying {wanted.size:,} bytes of {self._source.name}")
        path = self._scratch / "blob"
        with path.open("wb") as file:
            self._here.blob(wanted, file, self._stop)
        self._there.upload(path, wanted.digest)

    def _mounted(self, digest: str) -> bool:
        """Have the registry take a blob over from the other repository; not every registry does, nor for everybody."""
        try:
            self._there.mount_blob(self._source.repository, digest)
        except DXFMountFailed:
            return False
        except requests.HTTPError as error:
            # Whoever may not read there may still have been given the bytes; if not, that is told by reading them.
            if error.response.status_code in _REFUSED:
                return False
            raise
        return True
