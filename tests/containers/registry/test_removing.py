"""Images are removed from a real registry by their digests, and nothing that a tag or what is kept needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from containers.registry import manifest_exists, remove_images, write_index
from core.api import Stalled
from tests.containers.registry.images import Publisher, file, layer
from tests.docker_real import registry


async def an_index(publisher: Publisher, text: str, tag: str) -> tuple[str, dict[str, str]]:
    parts = {
        f"linux/{each}": publisher.manifest(layer(file("which", f"{text} {each}")), architecture=each)
        for each in ("amd64", "arm64")
    }
    return await write_index(publisher.name.tagged(tag), parts, {}), parts


async def there(publisher: Publisher, *digests: str) -> list[bool]:
    return [await manifest_exists(publisher.name.at(each)) for each in digests]


async def test_an_old_index_goes_with_what_only_it_is_made_of(publisher: Publisher) -> None:
    old, parts = await an_index(publisher, "old", "removed")
    kept, kept_parts = await an_index(publisher, "kept", "removed")
    new, new_parts = await an_index(publisher, "new", "removed")
    assert await remove_images(publisher.name, [old], [kept]) == 1
    assert await there(publisher, old, *parts.values()) == [False] * 3
    assert await there(publisher, kept, *kept_parts.values(), new, *new_parts.values()) == [True] * 6
    assert await remove_images(publisher.name, [old], [kept]) == 0, "it is gone already"


async def test_what_a_tag_points_to_stays_whoever_wants_it_gone(publisher: Publisher) -> None:
    tagged, parts = await an_index(publisher, "tagged", "in-use")
    assert await remove_images(publisher.name, [tagged, *parts.values()], []) == 0
    assert await there(publisher, tagged, *parts.values()) == [True] * 3


async def test_what_is_a_part_of_something_kept_stays(publisher: Publisher) -> None:
    shared = publisher.manifest(layer(file("which", "shared")), architecture="amd64")
    old = await write_index(publisher.name.tagged("one"), {"linux/amd64": shared}, {})
    other = publisher.manifest(layer(file("which", "arm")), architecture="arm64")
    await write_index(publisher.name.tagged("one"), {"linux/amd64": shared, "linux/arm64": other}, {})
    assert await remove_images(publisher.name, [old, shared], []) == 1
    assert await there(publisher, old, shared, other) == [False, True, True]


async def test_a_registry_that_removes_nothing_says_how_to_change_that(tmp_path: Path) -> None:
    with registry(tmp_path / "registry", delete=False) as real:
        publisher = Publisher(real)
        old, _ = await an_index(publisher, "old", "live")
        await an_index(publisher, "new", "live")
        with pytest.raises(Stalled, match=r"removes nothing: allow it there .*REGISTRY_STORAGE_DELETE_ENABLED"):
            await remove_images(publisher.name, [old], [])
        assert await there(publisher, old) == [True]
