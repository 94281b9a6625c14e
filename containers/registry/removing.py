"""Removing images from a registry by their digests, where it lets us (OCI distribution specification, deleting manifests)."""

from __future__ import annotations

from collections.abc import Collection
from threading import Event

import requests

from containers.names import ImageName
from containers.registry import answers, threads
from containers.registry.connection import Connection, connected
from containers.registry.manifests import Index, parse
from core.api import Stalled

_GONE = (requests.codes.not_found,)
#: What registries answer that remove nothing, or not by a digest.
_REFUSED = (requests.codes.bad_request, requests.codes.method_not_allowed, requests.codes.not_implemented)


def remove(name: ImageName, gone: Collection[str], kept: Collection[str], stop: Event) -> int:
    """Remove images of a repository and what only they are made of; answer how many of `gone` were there.

    What a tag points to, what is kept, and what is a part of either stays. The registry's own garbage collection then
    frees the room.

    :raises Stalled: the registry removes nothing.
    """
    with connected(name) as registry:
        tagged = {registry.told_digest(tag) for tag in registry.list_aliases() or ()} - {""}
        needed = {*tagged, *kept}
        for digest in sorted(needed):
            threads.check(stop)
            needed |= _parts(registry, name, digest)
        removed = 0
        for digest in sorted(set(gone) - needed):
            threads.check(stop)
            parts = _parts(registry, name, digest)
            removed += _remove(registry, name, digest)
            for part in sorted(parts - needed):
                _remove(registry, name, part)
    return removed


def _parts(registry: Connection, name: ImageName, digest: str) -> set[str]:
    """The manifests that an index is made of; nothing of what is none, or is not there."""
    if not registry.has_manifest(digest):
        return set()
    received = registry.manifest(digest)
    document = parse(received.body, received.media_type, name)
    return {each.digest for each in document.manifests} if isinstance(document, Index) else set()


def _remove(registry: Connection, name: ImageName, digest: str) -> bool:
    try:
        registry.remove_manifest(digest)
    except requests.HTTPError as error:
        if answers.is_page(error.response) or error.response.status_code not in (*_GONE, *_REFUSED):
            raise
        if error.response.status_code in _GONE:
            return False
        raise Stalled(
            f"{name.registry} removes nothing: allow it there (of the registry of Docker: "
            "REGISTRY_STORAGE_DELETE_ENABLED=true), or keep all releases (`releases=None` of the retention)"
        ) from None
    return True
