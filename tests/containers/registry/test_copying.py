"""Images copied between repositories of real registries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.names import ImageName
from containers.registry import copy_image, list_files, manifest_exists, read_file, write_index
from core.api import Stalled
from core.testing.logs import RecordingLog
from tests.containers.registry.images import DOCKER_MANIFEST, MANIFEST, Publisher, digest, file, layer
from tests.docker_real import RealRegistry, registry, unique


@pytest.fixture(scope="module")
def other_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with registry(tmp_path_factory.mktemp("other")) as real:
        yield real


def elsewhere(publisher: Publisher, registry: RealRegistry | None = None) -> ImageName:
    """A repository that is not there yet, in the same registry or another."""
    place = registry.name if registry else publisher.name.registry
    return replace(publisher.name, registry=place, repository=unique("copied"), tag="", digest="")


@pytest.mark.parametrize("media_type", [MANIFEST, DOCKER_MANIFEST])
async def test_an_image_keeps_its_digest_and_its_files(publisher: Publisher, media_type: str, tmp_path: Path) -> None:
    pushed = publisher.manifest(layer(file("which", "this one")), media_type=media_type)
    target, log = elsewhere(publisher), RecordingLog()
    assert await copy_image(publisher.name.at(pushed), target, log) == pushed
    await read_file(target.at(pushed), "/which", tmp_path / "which")
    assert (tmp_path / "which").read_text() == "this one"
    assert "copying" not in log.text, "within a registry the blobs are taken over"


async def test_it_goes_from_one_registry_to_another(
    publisher: Publisher, other_registry: RealRegistry, tmp_path: Path
) -> None:
    pushed = publisher.manifest(layer(file("which", "from afar")))
    target, log = elsewhere(publisher, other_registry), RecordingLog()
    assert await copy_image(publisher.name.at(pushed), target, log) == pushed
    await read_file(target.at(pushed), "/which", tmp_path / "which")
    assert (tmp_path / "which").read_text() == "from afar"
    assert log.text.count("copying") == 2, "its configuration and its layer"
    again = RecordingLog()
    await copy_image(publisher.name.at(pushed), target, again)
    assert again.text == "", "what is there is not copied again"


async def test_an_index_is_copied_with_all_that_it_names(publisher: Publisher, other_registry: RealRegistry) -> None:
    platforms = {
        f"linux/{each}": publisher.manifest(layer(file("which", each)), architecture=each)
        for each in ("amd64", "arm64")
    }
    index = await write_index(publisher.name.tagged("staged"), platforms, {})
    target = elsewhere(publisher, other_registry)
    assert await copy_image(publisher.name.at(index), target, RecordingLog()) == index
    for each in (index, *platforms.values()):
        assert await manifest_exists(target.at(each))


async def test_what_was_staged_for_each_platform_becomes_one_index(publisher: Publisher) -> None:
    target = elsewhere(publisher).tagged("live")
    copied = {}
    for each in ("amd64", "arm64"):
        staged = publisher.manifest(layer(file("which", each)), tag=f"live-x-{each}", architecture=each)
        copied[f"linux/{each}"] = await copy_image(publisher.name.at(staged), target, RecordingLog())
    index = await write_index(target, copied, {})
    assert await list_files(target.at(index), platform="linux/arm64") == ["which"]


async def test_a_tag_is_not_copied_as_it_may_move(publisher: Publisher) -> None:
    publisher.manifest(layer(file("a", "")), tag="live")
    with pytest.raises(Stalled, match="it has to be a digest"):
        await copy_image(publisher.name.tagged("live"), elsewhere(publisher), RecordingLog())


async def test_what_is_not_there_is_told(publisher: Publisher) -> None:
    publisher.manifest(layer(file("a", "")), tag="live")
    with pytest.raises(Stalled, match="not"):
        await copy_image(publisher.name.at(digest(b"nothing")), elsewhere(publisher), RecordingLog())


async def test_files_of_a_directory_are_named_as_the_layers_leave_them(publisher: Publisher) -> None:
    layers = [
        layer(file("old.hvt", ""), file("kept.hvt", ""), file("etc/passwd", "")),
        layer(file(".wh.old.hvt", ""), file("new.hvt", "")),
    ]
    image = publisher.name.at(publisher.manifest(*layers))
    assert await list_files(image) == ["kept.hvt", "new.hvt"]
    assert await list_files(image, "/etc") == ["passwd"]
    assert await list_files(image, "/nothing") == []
