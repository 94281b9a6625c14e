"""Manifests and indices (OCI image specification; Docker's schema 2 is the same by other names). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from containers.names import ImageName
from core.api import OperationError, Stalled

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDICES = (INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = (MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
#: What we can read, for `Accept`.
MANIFEST_TYPES = (*_INDICES, *_MANIFESTS)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: On a descriptor that BuildKit adds to an index, of which manifest it attests something.
_ATTESTED = "vnd.docker.reference.digest"
_ATTESTING = "vnd.docker.reference.type"
#: What is the same platform by another name, as containerd has it (`platforms.Normalize`).
_SAME = {"linux/arm": "linux/arm/v7", "linux/arm64/v8": "linux/arm64", "linux/amd64/v1": "linux/amd64"}

Text = Annotated[str, Field(max_length=4096)]


class _Read(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Platform(_Read):
    """What a manifest's image runs on."""

    os: Text
    architecture: Text
    variant: Text = ""

    @classmethod
    def parse(cls, words: str) -> Platform:
        """Read a platform as people write it: `linux/arm/v7`."""
        os, _, rest = words.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os=os, architecture=architecture, variant=variant)

    @property
    def words(self) -> str:
        """As people write it, always by the same name."""
        words = "/".join(each for each in (self.os, self.architecture, self.variant) if each)
        return _SAME.get(words, words)


class Descriptor(_Read):
    """What one document says of another: its type, digest, and size in bytes."""

    media_type: Annotated[str, Field(alias="mediaType", max_length=255)]
    digest: Annotated[str, Field(pattern=rf"^{DIGEST.pattern}$")]
    size: Annotated[int, Field(ge=0)]
    platform: Platform | None = None
    annotations: dict[str, str] | None = None

    @property
    def attests(self) -> str:
        """The digest of the manifest that this one attests something of, or the empty string."""
        kept = self.annotations or {}
        return kept.get(_ATTESTED, "unknown") if kept.get(_ATTESTING) else ""


class Manifest(_Read):
    """An image for one platform. Layers are listed from the bottom up."""

    media_type: Annotated[str, Field(alias="mediaType")]
    config: Descriptor
    layers: list[Descriptor]


class Index(_Read):
    """Images for several platforms."""

    media_type: Annotated[str, Field(alias="mediaType")]
    manifests: list[Descriptor]


def parse(body: bytes, media_type: str, name: ImageName) -> Manifest | Index:
    """Read what a registry sent.

    :param media_type: what the registry called it; what the document says of itself goes before.
    :raises OperationError: it is no manifest.
    :raises Stalled: it is one of a kind that nobody writes any more.
    """
    try:
        document = json.loads(body)
        kind = document.get("mediaType") or media_type
        if document.get("schemaVersion") == 1:
            raise Stalled(f"{name} has a manifest of schema 1, which nobody writes any more: publish it again")
        # A document that could be read both ways is neither (CVE-2021-41190).
        if kind in _INDICES and "layers" not in document:
            return Index.model_validate({**document, "mediaType": kind})
        if kind in _MANIFESTS and "manifests" not in document:
            return Manifest.model_validate({**document, "mediaType": kind})
    except ValidationError as error:
        place = ".".join(str(each) for each in error.errors()[0]["loc"])
        raise OperationError(f"{name.registry} sent a manifest of {name} that is wrong at {place}") from None
    except (ValueError, AttributeError, RecursionError):
        raise OperationError(f"{name.registry} sent something as manifest of {name} that is no JSON object") from None
    raise OperationError(f"{name.registry} sent a manifest of {name} of an unknown type: {str(kind)[:100]!r}")


def choose(index: Index, platform: str, name: ImageName) -> Descriptor:
    """Find the image of a platform in an index.

    :raises Stalled: it has none; those that it has are named.
    """
    wanted = Platform.parse(platform).words
    images = [each for each in index.manifests if not each.attests]
    for each in images:
        if each.platform and each.platform.words == wanted:
            return each
    if len(images) == 1 and not images[0].platform:
        return images[0]
    there = ", ".join(sorted({each.platform.words[:50] for each in images if each.platform})) or "none that is named"
    raise Stalled(f"{name} has no image for {wanted}; it has: {there}")


def index_bytes(entries: Sequence[Descriptor], annotations: Mapping[str, str]) -> bytes:
    """Write an index. The same entries and annotations give the same bytes, and so the same digest."""
    document: dict[str, object] = {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [each.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True) for each in entries],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
