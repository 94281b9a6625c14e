"""A registry's HTTP API (OCI distribution specification), for what engines do not do: indices, digests of tags, single files.

Every operation asks the registry anew, believes no bytes before their digest is checked, and raises

- `Waiting`: the registry asks to be left alone, fails, or cannot be reached;
- `Stalled`: what is asked for is not there, we may not have it, or the registry's certificate is not believed;
- `OperationError`: the registry answers what no registry should, or the disk is full;
- `ConfigurationError`: credentials or the certificate of an authority cannot be read.

Who we are to a registry: `containers.credentials`. Which of them may be spoken to by plain http, and which authorities are
believed: `containers.registry.settings`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from containers.names import ImageName
from containers.registry import attachments, copying, extraction, reading, removing, writing
from containers.registry.attachments import Attachment
from containers.registry.threads import in_thread
from core.api import Log

__all__ = [
    "Attachment",
    "attached",
    "copy_image",
    "digest_of",
    "list_files",
    "manifest_exists",
    "manifests_of",
    "read_file",
    "remove_images",
    "try_to_write",
    "write_index",
]


async def digest_of(name: ImageName) -> str:
    """Tell the digest (`sha256:…`) that a tag points to now; of a name with a digest, see that it is there."""
    return await in_thread(lambda stop: reading.digest_of(name, stop))


async def manifest_exists(name: ImageName) -> bool:
    """Tell whether a tag or digest is in its registry."""
    return await in_thread(lambda stop: reading.manifest_exists(name, stop))


async def manifests_of(name: ImageName) -> dict[str, str]:
    """Name the images of an index by their platforms, and the digest of each; nothing for an image without an index."""
    return await in_thread(lambda stop: reading.manifests_of(name, stop))


async def write_index(name: ImageName, manifests: Mapping[str, str], annotations: Mapping[str, str]) -> str:
    """Put one OCI image index under a tag, and answer its digest.

    The same request gives the same index: to put it twice does no harm. A write that is cancelled ends first, as it may
    still move the tag.

    :param name: its tag is moved; `latest` where it has none.
    :param manifests: for each platform (`linux/arm/v7`) the digest of a manifest, or of an index that holds one, in the
        same repository of the registry.
    """
    return await in_thread(lambda stop: writing.write_index(name, manifests, annotations, stop))


async def try_to_write(name: ImageName) -> None:
    """See whether we may push into an image's repository. Nothing is left there: an upload is begun and given up."""
    await in_thread(lambda stop: writing.try_to_write(name, stop))


async def copy_image(source: ImageName, target: ImageName, log: Log) -> str:
    """Copy an image by its digest into another repository, and answer the digest, which stays.

    What is there already is not copied again; within one registry blobs are taken over where it lets us.

    :param source: with a digest, of a manifest or of an index.
    :param target: the repository; its tag is not touched.
    """
    return await in_thread(lambda stop: copying.copy_image(source, target, log.note, stop))


async def attached(name: ImageName, *, suffix: str, media_types: Collection[str]) -> list[Attachment]:
    """Read what others attached to an image: nothing of it is to be believed before it was verified.

    :param name: with a digest.
    :param suffix: of the tag that is made of the digest: `.sig`.
    :param media_types: what is wanted; anything else, and what is larger than 1 MiB, is left out.
    """
    return await in_thread(lambda stop: attachments.attached(name, suffix, media_types, stop))


async def remove_images(name: ImageName, gone: Collection[str], kept: Collection[str]) -> int:
    """Remove images by their digests, and answer how many were there. What a tag points to, or is a part of, stays.

    :param name: the repository; its tag does not matter.
    :param kept: digests that stay even without a tag.
    """
    return await in_thread(lambda stop: removing.remove(name, gone, kept, stop))


async def list_files(name: ImageName, directory: str = "/", *, platform: str = "linux/amd64") -> list[str]:
    """Name what is in a directory of an image and is no directory itself, sorted. All of its layers are fetched."""
    return await in_thread(lambda stop: extraction.list_files(name, directory, platform, stop))


async def read_file(
    name: ImageName, path: str, target: Path, *, platform: str = "linux/amd64", limit: int = 1 << 30
) -> None:
    """Take one file out of an image, without an engine.

    Only as many layers are fetched as it takes to find it, beside the target, whose directory has to be there. The target
    appears, or is replaced, at once and in full; nothing else is left behind.

    :param path: in the image; links are followed inside it.
    :param limit: bytes that the file may have.
    """
    await in_thread(lambda stop: extraction.read_file(name, path, target, platform, limit, stop))
