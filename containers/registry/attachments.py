"""What others attached to an image: signatures, and bundles of them.

There are two ways to find it, and both are tried: a tag that is made of the image's digest (cosign's SIGNATURE_SPEC), and
the list of manifests that have the image as their subject (OCI distribution specification 1.1, section Listing Referrers).
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Event
from urllib.parse import urlsplit

import requests

from containers.names import ImageName
from containers.registry import answers, threads
from containers.registry.connection import Connection, connected
from containers.registry.manifests import Descriptor, Index, Manifest, parse
from core.api import OperationError, Stalled

#: How registries without a list of referrers answer; the specification has 404.
_NO_LIST = (400, 404, 405)
#: Things that are read of one image, bytes of each, and parts of the list of referrers.
_MOST, _LARGEST, _PARTS = 100, 1 << 20, 10


@dataclass(frozen=True, slots=True)
class Attachment:
    """One thing that was attached. Whoever may push may attach anything.

    :param media_type: what its descriptor says that it is, and `annotations` what else that says.
    """

    media_type: str
    data: bytes
    annotations: Mapping[str, str] = field(default_factory=dict)


def attached(name: ImageName, suffix: str, media_types: Collection[str], stop: Event) -> list[Attachment]:
    """Read what is attached to an image. See the package."""
    if not name.digest:
        raise Stalled(f"{name} is told by a tag, which may move: what is attached to an image is found by its digest")
    found: list[Attachment] = []
    with connected(name) as registry:
        for layer in _layers(registry, name, suffix):
            threads.check(stop)
            if layer.media_type.partition(";")[0] not in media_types or layer.size > _LARGEST:
                continue
            if len(found) == _MOST:
                raise OperationError(
                    f"more than {_MOST} signatures are attached to {name}: remove those that are not needed"
                )
            data = io.BytesIO()
            registry.blob(layer, data, stop)
            found.append(Attachment(layer.media_type, data.getvalue(), layer.annotations or {}))
    return found


def _layers(registry: Connection, name: ImageName, suffix: str) -> Iterator[Descriptor]:
    """The layers of every manifest that is attached, each once."""
    seen: set[str] = set()
    stem = name.digest.replace(":", "-")
    if suffix and registry.has_manifest(stem + suffix):
        yield from _of_manifest(registry, name, stem + suffix, seen)
    for digest in _referrers(registry, name, stem):
        yield from _of_manifest(registry, name, digest, seen)


def _of_manifest(registry: Connection, name: ImageName, reference: str, seen: set[str]) -> Iterator[Descriptor]:
    received = registry.manifest(reference)
    document = parse(received.body, received.media_type, name)
    if isinstance(document, Manifest) and received.digest not in seen:
        seen.add(received.digest)
        yield from document.layers


def _referrers(registry: Connection, name: ImageName, stem: str) -> Iterator[str]:
    """The digests of the manifests that refer to an image, by the registry's own list, or by the tag in its place."""
    index = _list(registry, name)
    if index is None and registry.has_manifest(stem):
        received = registry.manifest(stem)
        document = parse(received.body, received.media_type, name)
        index = document.manifests if isinstance(document, Index) else []
    yield from (each.digest for each in (index or [])[: _MOST * 2])


def _list(registry: Connection, name: ImageName) -> list[Descriptor] | None:
    """The registry's own list; None where it keeps none."""
    found: list[Descriptor] = []
    path = f"/v2/{name.repository}/referrers/{name.digest}"
    for _ in range(_PARTS):
        try:
            received, following = registry.listing(path)
        except requests.HTTPError as error:
            if error.response.status_code not in _NO_LIST or answers.is_page(error.response):
                raise
            return None
        document = parse(received.body, received.media_type, name)
        found += document.manifests if isinstance(document, Index) else []
        if not following:
            break
        # Where it is asked for is ours to say, and not the registry's.
        parts = urlsplit(following)
        path = f"/v2/{name.repository}/referrers/{name.digest}" + (f"?{parts.query}" if parts.query else "")
    return found
