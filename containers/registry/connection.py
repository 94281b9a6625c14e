"""A registry as one operation sees it: manifests and blobs, every byte of them checked by its digest."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import IO, Any, Self, cast
from urllib.parse import urljoin, urlsplit

import requests
from dxf import DXF, DXFBase

from containers.names import DEFAULT_REGISTRY, ImageName
from containers.registry import answers, threads
from containers.registry.answers import Errand
from containers.registry.authentication import TIMEOUT, authorization
from containers.registry.manifests import DIGEST, INDEX, MANIFEST_TYPES, Descriptor
from containers.registry.session import open_session, speaks_plain
from core.api import OperationError

#: Who serves the API of the default registry.
_DEFAULT_HOST = "registry-1.docker.io"
#: Bytes of the largest manifest that registries have to accept (distribution specification, section Pushing Manifests).
_LARGEST_MANIFEST = 4 << 20
#: Bytes that are read from a blob at once.
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True)
class Received:
    """A manifest's bytes, exactly as the registry keeps them."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        return digest_of_bytes(self.body)


def digest_of_bytes(data: bytes) -> str:
    """The digest that these bytes are known by."""
    return "sha256:" + sha256(data).hexdigest()


@contextmanager
def connected(image: ImageName) -> Iterator[Connection]:
    """Connect to an image's registry; what goes wrong inside is told as `answers.told` says."""
    errand = Errand(image.registry, str(image), "read")
    with answers.told(errand), Connection(image, errand, plain=speaks_plain(image.registry)) as connection:
        yield connection


class Connection(DXF):
    """The library's client, with a session, a log-in and limits of our own. It blocks, and belongs to one thread."""

    def __init__(self, image: ImageName, errand: Errand, *, plain: bool) -> None:
        host = _DEFAULT_HOST if image.registry == DEFAULT_REGISTRY else image.registry
        # The library hands the timeout on to requests, which knows pairs too.
        timeout = cast(float, TIMEOUT)
        super().__init__(host, image.repository, auth=self._log_in, insecure=plain, timeout=timeout)
        self._image, self._errand = image, errand
        # Without types in the library, and the only way to read an answer piece by piece, or a PUT's answer at all.
        self._ask: Callable[..., requests.Response] = self._request

    def __enter__(self) -> Self:
        # The library's own session would read a `.netrc` and believe one bundle of authorities instead of several.
        self._sessions.insert(0, open_session(self._image.registry))
        return self

    def _log_in(self, _: DXFBase, refusal: requests.Response) -> None:
        session = cast(requests.Session, self._sessions[0])
        offered = authorization(session, refusal, self._errand)
        refusal.close()
        if offered:
            self._headers = offered

    def told_digest(self, reference: str) -> str:
        """Ask what a tag or digest points to; the empty string where the registry does not say so as it should."""
        digest, _ = self.head_manifest_and_response(reference)
        return digest if DIGEST.fullmatch(digest or "") else ""

    def manifest(self, reference: str) -> Received:
        """Read a manifest or an index.

        :raises OperationError: it is none, or is not what its digest says.
        """
        errand = (
            replace(self._errand, what=str(self._image.at(reference))) if DIGEST.fullmatch(reference) else self._errand
        )
        headers = {"Accept": ", ".join(MANIFEST_TYPES)}
        # The library's own (`get_manifest_and_response`) would take in any amount.
        with (
            answers.told(errand),
            self._ask("get", f"manifests/{reference}", headers=headers, stream=True) as answer,
        ):
            if answers.is_page(answer):
                raise OperationError(f"{errand.registry} answered a web page when asked for {errand.what}")
            received = Received(
                answer.headers.get("Content-Type", "").partition(";")[0].strip(), _bounded(answer, errand)
            )
        if DIGEST.fullmatch(reference) and received.digest != reference:
            raise OperationError(f"{errand.registry} sent other bytes than {errand.what}: {received.digest}")
        return received

    def listing(self, path: str) -> tuple[Received, str]:
        """Read a list that the registry makes itself, and the address of the part that follows, empty at the end.

        :param path: from the registry's root.
        """
        # Without types in the library, as `_ask`.
        ask: Callable[..., requests.Response] = self._base_request
        with ask("get", path, headers={"Accept": INDEX}, stream=True) as answer:
            media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
            following = str(answer.links.get("next", {}).get("url", ""))
            return Received(media_type, _bounded(answer, self._errand)), following

    def put_manifest(self, tag: str, media_type: str, body: bytes) -> str:
        """Put a manifest or an index under a tag, and answer the digest that the registry says it has, or nothing."""
        self._errand = replace(self._errand, verb="write")
        headers = {"Content-Type": media_type}
        # The library's own (`set_manifest`) throws the answer away, and with it the digest.
        with (
            answers.told(self._errand),
            self._ask("put", f"manifests/{tag}", data=body, headers=headers, stream=True) as answer,
        ):
            if answer.status_code != requests.codes.created:
                raise answers.of_answer(answer, self._errand)
            return str(answer.headers.get("Docker-Content-Digest", ""))

    def remove_manifest(self, digest: str) -> None:
        """Remove a manifest or an index by its digest, and every tag that points to it."""
        self._errand = replace(self._errand, verb="remove")
        self._ask("delete", f"manifests/{digest}").close()

    def has_manifest(self, digest: str) -> bool:
        """Whether the repository has a manifest or an index by its digest."""
        return self._has(lambda: self.head_manifest_and_response(digest))

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        return self._has(lambda: self.blob_size(digest))

    def _has(self, ask: Callable[[], object]) -> bool:
        try:
            ask()
        except requests.HTTPError as error:
            if error.response.status_code != requests.codes.not_found or answers.is_page(error.response):
                raise
            return False
        return True

    def try_upload(self) -> None:
        """Begin an upload and give it up: whoever may do that may push.

        :raises Stalled: the registry does not let us.
        """
        self._errand = replace(self._errand, verb="write")
        with answers.told(self._errand), self._ask("post", "blobs/uploads/", stream=True) as answer:
            if answer.status_code != requests.codes.accepted:
                raise answers.of_answer(answer, self._errand)
            location = urljoin(answer.url, answer.headers.get("Location", ""))
        if urlsplit(location).netloc == urlsplit(answer.url).netloc:
            # A registry forgets it by itself too, only later.
            with contextlib.suppress(requests.RequestException):
                self._sessions[0].delete(location, headers=self._headers, timeout=TIMEOUT).close()

    def upload(self, path: Path, digest: str) -> None:
        """Send a file as a blob.

        :raises OperationError: the file is not what the digest says.
        """
        errand = replace(self._errand, what=f"{digest} of {self._image}", verb="write")
        with answers.told(errand):
            if self.push_blob(str(path), check_exists=False) != digest:
                raise OperationError(f"{digest} of {self._image} was not what its digest says")

    def blob(self, wanted: Descriptor, to: IO[bytes], stop: Event) -> None:
        """Read a blob into a file.

        :raises OperationError: it is not what its digest says, or has another size.
        :raises Stopped: its bytes are no longer wanted.
        """
        errand = replace(self._errand, what=f"{wanted.digest} of {self._image}")
        left = wanted.size
        with answers.told(errand):
            for chunk in cast(Any, self.pull_blob(wanted.digest, chunk_size=_CHUNK)):
                threads.check(stop)
                left -= len(chunk)
                if left < 0:
                    break
                to.write(chunk)
        if left:
            amount = "more" if left < 0 else "less"
            raise OperationError(f"{errand.registry} sent {amount} than the {wanted.size:,} bytes of {errand.what}")


def _bounded(answer: requests.Response, errand: Errand) -> bytes:
    body = b""
    for chunk in answer.iter_content(1 << 16):
        body += chunk
        if len(body) > _LARGEST_MANIFEST:
            raise OperationError(f"{errand.registry} answered more than a manifest may have for {errand.what}")
    return body
