"""A file out of an image in a real registry, without an engine."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from containers.registry import archives, extraction, read_file
from core.api import OperationError, Stalled
from tests.containers.registry.disturbed import Disturbed
from tests.containers.registry.images import (
    DOCKER_MANIFEST,
    PACKED,
    Member,
    Publisher,
    directory,
    file,
    hard_link,
    layer,
    link,
)
from tests.real import small_disk


async def taken(publisher: Publisher, path: str, *layers: bytes, into: Path, **options: str) -> str:
    """The file's content, from an image of these layers, the bottom first."""
    publisher.manifest(*layers, tag="live", **options)
    await read_file(publisher.name.tagged("live"), path, into / "taken")
    return (into / "taken").read_text()


# Found


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("media_type", ["application/vnd.oci.image.manifest.v1+json", DOCKER_MANIFEST])
async def test_a_file_is_taken_as_it_is(publisher: Publisher, packing: str, media_type: str, tmp_path: Path) -> None:
    kernel = random.Random(1).randbytes(300_000)
    publisher.manifest(layer(file("unikernel.hvt", kernel)), tag="live", packing=packing, media_type=media_type)
    await read_file(publisher.name.tagged("live"), "/unikernel.hvt", tmp_path / "kernel")
    assert (tmp_path / "kernel").read_bytes() == kernel
    assert [each.name for each in tmp_path.iterdir()] == ["kernel"]


async def test_a_file_is_taken_by_digest_from_the_image_of_its_platform(publisher: Publisher, tmp_path: Path) -> None:
    images = [
        publisher.describe(
            publisher.manifest(layer(file("kernel", platform)), architecture=platform.split("/")[1]), platform
        )
        for platform in ("linux/amd64", "linux/arm64")
    ]
    name = publisher.name.at(publisher.index(images))
    await read_file(name, "kernel", tmp_path / "one")
    await read_file(name, "kernel", tmp_path / "other", platform="linux/arm64/v8")
    assert [(tmp_path / each).read_text() for each in ("one", "other")] == ["linux/amd64", "linux/arm64"]


async def test_the_topmost_layer_that_has_it_counts(publisher: Publisher, tmp_path: Path) -> None:
    layers = [layer(file("etc/motd", word)) for word in ("old", "newer", "newest")]
    assert await taken(publisher, "/etc/motd", *layers, into=tmp_path) == "newest"


async def test_no_more_layers_are_fetched_than_needed(publisher: Publisher, proxy: Disturbed, tmp_path: Path) -> None:
    publisher.manifest(*[layer(file(name, name)) for name in ("base", "middle", "kernel")], tag="live")
    name = replace(publisher.name, registry=proxy.registry.name, tag="live")
    await read_file(name, "/kernel", tmp_path / "kernel")
    assert len([each for each in proxy.asked if "/blobs/" in each]) == 1


async def test_blobs_are_asked_for_as_they_are_kept(publisher: Publisher, proxy: Disturbed, tmp_path: Path) -> None:
    """A store that calls a packed layer a packed answer would have it unpacked on the way."""
    publisher.manifest(layer(file("a", "")), tag="live", packing="+gzip")
    proxy.disturb(
        "GET", "/blobs/", lambda a: a if proxy.encodings[-1] == "identity" else a.also(Content_Encoding="gzip")
    )
    await read_file(replace(publisher.name, registry=proxy.registry.name, tag="live"), "a", tmp_path / "a")


async def test_links_are_followed_inside_the_image(publisher: Publisher, tmp_path: Path) -> None:
    layers = [
        layer(directory("usr"), directory("usr/lib"), file("usr/lib/kernel-1", "inside"), link("lib", "usr/lib")),
        layer(link("usr/lib/kernel", "../../../../../lib/kernel-1"), link("boot", "/lib")),
    ]
    assert await taken(publisher, "/boot/kernel", *layers, into=tmp_path) == "inside"


async def test_a_link_to_the_hosts_files_reads_the_images_own(publisher: Publisher, tmp_path: Path) -> None:
    layers = [layer(file("etc/hostname", "the image's"), link("kernel", "/etc/hostname"))]
    assert await taken(publisher, "/kernel", *layers, into=tmp_path) == "the image's"


async def test_a_hard_link_is_the_file_it_names(publisher: Publisher, tmp_path: Path) -> None:
    within = layer(file("a", "same"), hard_link("b", "a"), file("a", "changed"))
    assert await taken(publisher, "b", within, into=tmp_path) == "same"
    below = [layer(file("a", "below")), layer(hard_link("b", "./a"))]
    assert await taken(publisher, "b", *below, into=tmp_path) == "below"


async def test_a_name_may_be_long_and_of_any_script(publisher: Publisher, tmp_path: Path) -> None:
    path = "/".join(["ünïkernel"] * 60)
    assert await taken(publisher, path, layer(file(path, "deep")), into=tmp_path) == "deep"


async def test_a_file_that_may_be_run_may_be_run_afterwards(publisher: Publisher, tmp_path: Path) -> None:
    await taken(publisher, "a", layer(file("a", "#!", mode=0o6755)), into=tmp_path)
    assert (tmp_path / "taken").stat().st_mode & 0o7777 == 0o755
    await taken(publisher, "a", layer(file("a", "text", mode=0o666)), into=tmp_path)
    assert (tmp_path / "taken").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("packing", ["+gzip", "+zstd"])
async def test_an_archive_in_several_parts_is_read_to_its_end(
    publisher: Publisher, packing: str, tmp_path: Path
) -> None:
    """What pigz, eStargz and zstd:chunked write: several streams, one after another."""
    data = layer(*[file(f"file-{number}", "x" * 3000) for number in range(30)], file("last", "found"))
    parts = b"".join(PACKED[packing](data[at : at + 7000]) for at in range(0, len(data), 7000))
    assert await taken(publisher, "last", parts, into=tmp_path) == "found"


async def test_a_target_that_is_there_is_replaced(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("stays")
    (tmp_path / "taken").symlink_to(tmp_path / "elsewhere")
    assert await taken(publisher, "a", layer(file("a", "new")), into=tmp_path) == "new"
    assert not (tmp_path / "taken").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "stays"


# Not found


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/gone", "has no file /gone: there is no gone"),
        ("/kept/gone", "there is no kept/gone"),
        ("/emptied/old", "there is no emptied/old"),
        ("/file/below", "has no file /file/below: file is none"),
        ("/kept", "it is a directory"),
        ("/", "it is a directory"),
        ("", "it is a directory"),
        ("/round", "leads to too many others"),
        ("/dangling", "has no file /dangling: there is no nowhere"),
        ("/pipe", "has no file /pipe: pipe is none"),
        ("/broken", "has no file /broken: there is no broken"),
    ],
)
async def test_what_is_no_file_is_told(publisher: Publisher, path: str, said: str, tmp_path: Path) -> None:
    bottom = layer(file("gone", ""), file("kept/gone", ""), file("emptied/old", ""), file("file", ""))
    top = layer(
        *[file(name, "") for name in (".wh.gone", "kept/.wh.gone", "emptied/.wh..wh..opq", "emptied/new")],
        link("round", "round"), link("dangling", "nowhere"), Member("pipe", "pipe"), hard_link("broken", "nothing"),
    )  # fmt: skip
    with pytest.raises(Stalled, match=said):
        await taken(publisher, path, bottom, top, into=tmp_path)
    assert not list(tmp_path.iterdir())


async def test_a_platform_that_the_image_has_not_is_told(publisher: Publisher, tmp_path: Path) -> None:
    image = publisher.describe(publisher.manifest(layer(file("a", ""))), "linux/amd64")
    publisher.index([image], tag="live")
    with pytest.raises(Stalled, match="has no image for linux/s390x; it has: linux/amd64"):
        await read_file(publisher.name.tagged("live"), "a", tmp_path / "a", platform="linux/s390x")


async def test_a_file_that_is_too_large_is_left_where_it_is(publisher: Publisher, tmp_path: Path) -> None:
    publisher.manifest(layer(file("a", "x" * 1001)), tag="live")
    with pytest.raises(Stalled, match="has a with 1,001 bytes, which is more than 1,000"):
        await read_file(publisher.name.tagged("live"), "a", tmp_path / "a", limit=1000)
    await read_file(publisher.name.tagged("live"), "a", tmp_path / "a", limit=1001)


# Archives that nobody should have made


@pytest.mark.parametrize("name", ["../escaped", "/../../escaped", "a/../../../escaped"])
async def test_no_name_leads_out_of_the_target(publisher: Publisher, name: str, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    assert await taken(publisher, "escaped", layer(file(name, "caught")), into=tmp_path / "inner") == "caught"
    assert [each.name for each in tmp_path.iterdir()] == ["inner"]


@pytest.mark.parametrize(
    "archive",
    [
        b"no archive at all" * 100,
        gzip.compress(b"no archive at all" * 100),
        gzip.compress(layer(file("a", "x" * 5000)))[:-200],
        PACKED["+zstd"](random.Random(2).randbytes(5000))[:-200],
        b"\x1f\x8b" + b"\0" * 100,
        b"\x28\xb5\x2f\xfd" + b"\xff" * 100,
        b"",
    ],
    ids=["bytes", "packed bytes", "cut gzip", "cut zstd", "bad gzip", "bad zstd", "nothing"],
)
async def test_a_damaged_archive_is_named(publisher: Publisher, archive: bytes, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match=rf"layer sha256:[0-9a-f]+ of {publisher.name}:live is damaged"):
        await taken(publisher, "a", archive, into=tmp_path)
    assert not list(tmp_path.iterdir())


async def test_a_header_that_would_fill_the_memory_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    header = tarfile.TarInfo("././@PaxHeader")
    header.type, header.size = tarfile.XHDTYPE, 2 << 30
    with pytest.raises(Stalled, match=r"is damaged: it has a header of 2,147,483,648 bytes"):
        await taken(publisher, "a", layer(file("b", ""))[:512] + header.tobuf(), into=tmp_path)


async def test_a_little_that_unpacks_to_very_much_is_refused(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "_LARGEST", 4 << 20)
    bomb = gzip.compress(layer(file("zeros", bytes(8 << 20))))
    assert len(bomb) < 20_000
    with pytest.raises(Stalled, match="unpacks to more than 4,194,304 bytes"):
        await taken(publisher, "other", bomb, into=tmp_path)


@pytest.mark.parametrize(("difference", "said"), [(-1, "more"), (1, "less")])
async def test_a_layer_of_another_size_than_the_manifest_says_is_refused(
    publisher: Publisher, tmp_path: Path, difference: int, said: str
) -> None:
    publisher.manifest(layer(file("a", "")), tag="live")
    document = publisher.get("live").json()
    document["layers"][0]["size"] += difference
    publisher.document(document, tag="live")
    with pytest.raises(OperationError, match=rf"sent {said} than the [\d,]+ bytes of sha256:"):
        await read_file(publisher.name.tagged("live"), "a", tmp_path / "a")
    assert not list(tmp_path.iterdir())


async def test_a_layer_that_is_too_large_is_not_fetched(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "_LARGEST_LAYER", 1000)
    with pytest.raises(Stalled, match="has a layer of 10,240 bytes, which is more than 1,000"):
        await taken(publisher, "a", layer(file("a", "")), into=tmp_path)


# The disk, and being cancelled


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as place:
        yield place


@pytest.mark.parametrize(("name", "packing"), [("a", ""), ("zeros", "+gzip")], ids=["fetching", "unpacking"])
async def test_a_full_disk_is_told_and_nothing_is_left(
    publisher: Publisher, small_disk: Path, name: str, packing: str
) -> None:
    files = layer(file("a", os.urandom(2 << 20))) if name == "a" else layer(file("zeros", bytes(8 << 20)))
    publisher.manifest(files, tag="live", packing=packing)
    with pytest.raises(OperationError, match=rf"the disk that {small_disk}/{name} is on is full: make room") as caught:
        await read_file(publisher.name.tagged("live"), name, small_disk / name)
    assert type(caught.value) is OperationError
    assert not list(small_disk.iterdir())


async def test_a_directory_that_is_not_there_is_told(publisher: Publisher, tmp_path: Path) -> None:
    publisher.manifest(layer(file("a", "")), tag="live")
    with pytest.raises(OperationError, match="cannot be written: No such file or directory"):
        await read_file(publisher.name.tagged("live"), "a", tmp_path / "nowhere" / "a")


async def test_a_read_that_is_cancelled_stops_and_leaves_nothing(
    publisher: Publisher, proxy: Disturbed, tmp_path: Path
) -> None:
    publisher.manifest(layer(file("a", os.urandom(2 << 20))), tag="live")
    name = replace(publisher.name, registry=proxy.registry.name, tag="live")
    proxy.hold("GET", "/blobs/")
    reading = asyncio.create_task(read_file(name, "a", tmp_path / "a"))
    await asyncio.to_thread(proxy.arrived.wait, 30)
    reading.cancel()
    await asyncio.sleep(0)
    proxy.held.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not list(tmp_path.iterdir())
