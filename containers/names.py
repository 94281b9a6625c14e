"""Names of images, as `distribution/reference` and the OCI distribution specification write them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Self

from core.api import Stalled

#: The registry of names that tell none.
DEFAULT_REGISTRY = "docker.io"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
_NAME = re.compile(
    rf"(?:(?P<registry>{_DOMAIN})/)?(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageName:
    """An image's name in full.

    :param registry: `docker.io`, `ghcr.io`, `127.0.0.1:5000`.
    :param repository: as the registry knows it: `library/busybox`.
    :param tag: empty where the name tells none.
    :param digest: `sha256:` and 64 hexadecimal digits, or empty.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name as people write it.

        :raises Stalled: it is none.
        """
        first, slash, _ = text.partition("/")
        # What stands first is a registry only if it looks like a host; `demo/hello` is on the default registry.
        hostlike = slash and (first == "localhost" or any(mark in first for mark in ".:[") or first != first.lower())
        match = _NAME.fullmatch(text if hostlike else f"{DEFAULT_REGISTRY}/{text}")
        if not match:
            raise Stalled(f"{text[:200]!r} is no image's name: it is written `registry/owner/name:tag`")
        registry, repository = match["registry"], match["repository"]
        if registry in ("index.docker.io", "registry-1.docker.io"):
            registry = DEFAULT_REGISTRY
        if registry == DEFAULT_REGISTRY and "/" not in repository:
            repository = f"library/{repository}"
        return cls(registry=registry, repository=repository, tag=match["tag"] or "", digest=match["digest"] or "")

    @property
    def name(self) -> str:
        """Without tag and digest, as engines show it: `busybox`, `127.0.0.1:5000/demo/hello`."""
        if self.registry != DEFAULT_REGISTRY:
            return f"{self.registry}/{self.repository}"
        return self.repository.removeprefix("library/")

    @property
    def reference(self) -> str:
        """What follows the name when a registry is asked: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def tagged(self, tag: str) -> Self:
        """The same repository by another tag."""
        return replace(self, tag=tag, digest="")

    def at(self, digest: str) -> Self:
        """The same name, pinned to a digest."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def digest_in(reference: str) -> str:
    """The digest that a reference is pinned to, or the empty string."""
    _, at, digest = reference.rpartition("@")
    return digest if at and re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else ""


def short(reference: str) -> str:
    """A reference for a sentence: its digest cut to the length that people compare."""
    name, _, digest = reference.rpartition("@")
    return f"{name}@{digest.removeprefix('sha256:')[:12]}" if digest_in(reference) else reference
