"""One index for all platforms, in a real registry."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from containers.names import ImageName
from containers.registry import digest_of, manifest_exists, manifests_of, write_index
from core.api import Stalled
from tests.containers.registry.images import DOCKER_MANIFEST, INDEX, MANIFEST, Publisher, digest, file, layer

ANNOTATIONS = {"org.opencontainers.image.revision": "c0ffee", "org.opencontainers.image.title": "größer"}


def pushed(publisher: Publisher, *architectures: str, media_type: str = MANIFEST) -> dict[str, str]:
    """An image for each, pushed under a tag of its own as an engine does."""
    return {
        f"linux/{each}": publisher.manifest(
            layer(file("which", each)), tag=each.replace("/", "-"), architecture=each, media_type=media_type
        )
        for each in architectures
    }


async def test_an_index_says_of_each_platform_where_its_image_is(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", "arm/v7")
    name = publisher.name.tagged("live")

    answered = await write_index(name, manifests, ANNOTATIONS)

    kept = publisher.get("live")
    assert kept.headers["Content-Type"] == INDEX
    assert digest(kept.content) == answered == kept.headers["Docker-Content-Digest"]
    assert kept.json() == {
        "schemaVersion": 2,
        "mediaType": INDEX,
        "annotations": ANNOTATIONS,
        "manifests": [
            publisher.describe(manifests["linux/amd64"], "linux/amd64"),
            publisher.describe(manifests["linux/arm/v7"], "linux/arm/v7"),
        ],
    }
    assert await digest_of(name) == answered


async def test_the_same_request_gives_the_same_digest_and_does_no_harm(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", "arm64")
    name = publisher.name.tagged("live")
    first = await write_index(name, manifests, ANNOTATIONS)
    again = await write_index(name, dict(reversed(manifests.items())), dict(reversed(ANNOTATIONS.items())))
    assert first == again == await digest_of(name)


async def test_a_newer_index_moves_the_tag_and_the_older_stays_by_its_digest(publisher: Publisher) -> None:
    name = publisher.name.tagged("live")
    manifests = pushed(publisher, "amd64")
    first = await write_index(name, manifests, {"revision": "1"})
    second = await write_index(name, manifests, {"revision": "2"})
    assert first != second == await digest_of(name)
    assert await manifest_exists(publisher.name.at(first))


async def test_an_image_as_docker_pushes_it_can_be_in_an_index(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", media_type=DOCKER_MANIFEST)
    await write_index(publisher.name.tagged("live"), manifests, {})
    (entry,) = publisher.get("live").json()["manifests"]
    assert entry["mediaType"] == DOCKER_MANIFEST
    assert "annotations" not in publisher.get("live").json()


async def test_a_name_without_a_tag_is_put_under_latest(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64")
    answered = await write_index(publisher.name, manifests, {})
    assert await digest_of(publisher.name.tagged("latest")) == answered


async def test_of_an_index_with_attestations_the_image_is_taken_and_what_attests_it(publisher: Publisher) -> None:
    """BuildKit pushes one such index for each platform."""
    image = publisher.manifest(layer(file("x", "x")), architecture="arm64")
    attesting = {"vnd.docker.reference.digest": image, "vnd.docker.reference.type": "attestation-manifest"}
    attestation = {
        **publisher.describe(publisher.manifest(layer(file("sbom", "[]"))), "unknown/unknown"),
        "annotations": attesting,
    }
    per_platform = publisher.index([publisher.describe(image, "linux/arm64/v8"), attestation])

    await write_index(publisher.name.tagged("live"), {"linux/arm64": per_platform}, {})

    assert publisher.get("live").json()["manifests"] == [publisher.describe(image, "linux/arm64"), attestation]


async def test_an_index_without_the_platform_is_refused_and_told_what_it_has(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", "arm64")
    images = [publisher.describe(each, platform) for platform, each in manifests.items()]
    attestation = publisher.describe(manifests["linux/amd64"], "unknown/unknown")
    attesting = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    both = publisher.index([*images, {**attestation, **attesting}])
    with pytest.raises(Stalled, match=r"has no image for linux/riscv64; it has: linux/amd64, linux/arm64$"):
        await write_index(publisher.name.tagged("live"), {"linux/riscv64": both}, {})


async def test_an_image_that_vanished_from_the_registry_is_named(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", "arm64")
    publisher.delete(manifests["linux/arm64"])
    name = publisher.name.tagged("live")
    with pytest.raises(
        Stalled, match=rf"{manifests['linux/arm64']} is not there.*404 \(MANIFEST_UNKNOWN.*publish it again"
    ):
        await write_index(name, manifests, {})
    assert not await manifest_exists(name)


async def test_an_index_of_nothing_is_refused(publisher: Publisher) -> None:
    with pytest.raises(Stalled, match="no image for any platform"):
        await write_index(publisher.name.tagged("live"), {}, {})


async def test_no_tag_is_believed_for_what_was_written(publisher: Publisher) -> None:
    """A name with a digest is that of another image: what is answered is the digest of what was put."""
    manifests = pushed(publisher, "amd64")
    name = replace(publisher.name, tag="live", digest=manifests["linux/amd64"])
    answered = await write_index(name, manifests, {})
    assert answered == digest(publisher.get("live").content) != name.digest


def test_an_images_digest_in_an_index_is_of_the_bytes_as_they_are(publisher: Publisher) -> None:
    """Our own view of the registry, as the tests rely on it."""
    made = pushed(publisher, "amd64")["linux/amd64"]
    assert digest(publisher.get(made).content) == made
    assert json.loads(publisher.get(made).content)["mediaType"] == MANIFEST


def test_names_of_the_tests_are_names(publisher: Publisher) -> None:
    assert ImageName.parse(str(publisher.name)) == publisher.name


async def test_the_images_of_an_index_are_told_by_platform_without_what_attests_them(publisher: Publisher) -> None:
    manifests = pushed(publisher, "amd64", "arm/v7")
    attestation = publisher.manifest(layer(file("what", "an attestation")), tag="attestation")
    told = {"vnd__docker__reference__type": "attestation-manifest", "vnd__docker__reference__digest": attestation}
    described = [publisher.describe(digest, platform) for platform, digest in manifests.items()]
    index = publisher.index([*described, publisher.describe(attestation, "unknown/unknown", **told)], tag="live")
    assert await manifests_of(publisher.name.at(index)) == manifests
    assert await manifests_of(publisher.name.at(manifests["linux/amd64"])) == {}
