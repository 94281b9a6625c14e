"""One index for all platforms of an image, put under its tag."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Event

from containers.names import ImageName
from containers.registry import threads
from containers.registry.connection import Connection, connected, digest_of_bytes
from containers.registry.manifests import INDEX, Descriptor, Manifest, Platform, choose, index_bytes, parse
from core.api import OperationError, Stalled


def write_index(name: ImageName, manifests: Mapping[str, str], annotations: Mapping[str, str], stop: Event) -> str:
    """Put an index under a tag and answer its digest. See the package."""
    if not manifests:
        raise Stalled(f"{name} has no image for any platform: there is nothing to put under its name")
    name = name.tagged(name.tag or "latest")
    with connected(name) as registry:
        entries: list[Descriptor] = []
        for platform in sorted(manifests, key=lambda words: Platform.parse(words).words):
            threads.check(stop)
            entries += _describe(registry, name, platform, manifests[platform])
        body = index_bytes(entries, annotations)
        digest = digest_of_bytes(body)
        threads.check(stop)
        # From here on there is no stopping: nobody could tell whether the tag has moved.
        told = registry.put_manifest(name.tag, INDEX, body) or registry.told_digest(digest)
    if told != digest:
        raise OperationError(f"{name.registry} was sent {digest} for {name} and says it has {told[:80] or 'nothing'}")
    return digest


def try_to_write(name: ImageName, stop: Event) -> None:
    """See whether the registry would let us push: an upload is begun and given up. See the package."""
    with connected(name) as registry:
        threads.check(stop)
        registry.try_upload()


def _describe(registry: Connection, name: ImageName, platform: str, digest: str) -> list[Descriptor]:
    """Describe the manifest of a platform, and what attests something of it, as they stand in an index.

    :param digest: of the manifest, or of an index that holds it: BuildKit pushes one where it attests how it built.
    :raises Stalled: there is none for that platform, or it is not in the repository.
    """
    pinned = name.at(digest)
    received = registry.manifest(digest)
    document = parse(received.body, received.media_type, pinned)
    runs_on = {"platform": Platform.parse(Platform.parse(platform).words)}
    if isinstance(document, Manifest):
        alone = Descriptor.model_validate(
            {"mediaType": document.media_type, "digest": digest, "size": len(received.body)}
        )
        return [alone.model_copy(update=runs_on)]
    found = choose(document, platform, pinned)
    return [found.model_copy(update=runs_on), *(each for each in document.manifests if each.attests == found.digest)]
