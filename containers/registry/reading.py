"""What a tag points to, and whether something is there."""

from __future__ import annotations

from threading import Event

import requests

from containers.names import ImageName
from containers.registry import answers, threads
from containers.registry.connection import Connection, connected
from containers.registry.manifests import Manifest, choose, parse
from core.api import OperationError

#: How deep indices may be in indices. Nobody is known to go beyond two.
_DEPTH = 4


def digest_of(name: ImageName, stop: Event) -> str:
    """Tell the digest that a name points to now."""
    with connected(name) as registry:
        threads.check(stop)
        told = registry.told_digest(name.reference)
        if told and told == (name.digest or told):
            return told
        # It did not say, or said that what has one digest has another: only the bytes themselves can tell.
        received = registry.manifest(name.reference)
        parse(received.body, received.media_type, name)
        return received.digest


def manifest_exists(name: ImageName, stop: Event) -> bool:
    """Tell whether a name points to anything."""
    with connected(name) as registry:
        threads.check(stop)
        try:
            registry.told_digest(name.reference)
        except requests.HTTPError as error:
            if error.response.status_code != requests.codes.not_found or answers.is_page(error.response):
                raise
            return False
    return True


def manifests_of(name: ImageName, stop: Event) -> dict[str, str]:
    """The images of an index, by platform."""
    with connected(name) as registry:
        threads.check(stop)
        received = registry.manifest(name.reference)
        document = parse(received.body, received.media_type, name)
    if isinstance(document, Manifest):
        return {}
    return {each.platform.words: each.digest for each in document.manifests if each.platform and not each.attests}


def manifest_for(registry: Connection, name: ImageName, platform: str) -> Manifest:
    """Read the manifest of a platform, through as many indices as there are. An image without an index is taken as it is.

    :raises Stalled: there is none for that platform.
    :raises OperationError: the registry sends rubbish.
    """
    reference = name.reference
    for _ in range(_DEPTH):
        received = registry.manifest(reference)
        document = parse(received.body, received.media_type, name)
        if isinstance(document, Manifest):
            return document
        reference = choose(document, platform, name).digest
    raise OperationError(f"{name} is an index in an index in an index, for ever")
