"""Unikernels out of images in a real registry."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from containers.names import ImageName
from core.api import Stalled
from core.testing.logs import RecordingLog
from tests.containers.registry.images import Publisher, file, layer
from tests.unikernels.factory import unikernel
from unikernels import fetch

HVT = unikernel("hvt", {"service": "network"})


def published(publisher: Publisher, **files: bytes) -> ImageName:
    members = [file(name.replace("_", "."), content) for name, content in files.items()]
    return publisher.name.at(publisher.manifest(layer(*members)))


async def test_it_is_taken_out_and_looked_at(publisher: Publisher, tmp_path: Path) -> None:
    image, log = published(publisher, unikernel_hvt=HVT, README=b"read me"), RecordingLog()
    found = await fetch(image, "", "hvt", tmp_path / "u", log=log)
    assert found.path.read_bytes() == HVT
    assert (found.target, found.size, found.sha256) == ("hvt", len(HVT), sha256(HVT).hexdigest())
    assert found.note.devices == {"service": "network"}
    assert "taking /unikernel.hvt out of" in log.text
    assert [each.name for each in tmp_path.iterdir()] == ["u"]


async def test_one_of_two_has_to_be_named(publisher: Publisher, tmp_path: Path) -> None:
    image = published(publisher, unikernel_hvt=HVT, unikernel_xen=unikernel("xen"))
    with pytest.raises(Stalled, match=r"/unikernel\.hvt and /unikernel\.xen: name one by the option `file`"):
        await fetch(image, "", "xen", tmp_path / "u", log=RecordingLog())
    found = await fetch(image, "/unikernel.xen", "xen", tmp_path / "u", log=RecordingLog())
    assert found.target == "xen"


async def test_an_image_without_one_is_told_with_what_to_do(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(Stalled, match=r"holds no unikernel: its Dockerfile has to put it at /unikernel\.hvt"):
        await fetch(published(publisher, README=b""), "", "hvt", tmp_path / "u", log=RecordingLog())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (unikernel("xen"), "is for xen, and hvt is wanted: change `target` of the recipe or of the service"),
        (b"#!/bin/sh", "is no unikernel for hvt: it is no ELF file"),
        (HVT[:300], "is cut off"),
    ],
)
async def test_what_is_not_wanted_is_told_and_left(
    publisher: Publisher, content: bytes, said: str, tmp_path: Path
) -> None:
    (tmp_path / "u").write_bytes(b"the former one")
    with pytest.raises(Stalled, match=said):
        await fetch(published(publisher, unikernel_hvt=content), "", "hvt", tmp_path / "u", log=RecordingLog())
    assert (tmp_path / "u").read_bytes() == b"the former one"
    assert [each.name for each in tmp_path.iterdir()] == ["u"]
