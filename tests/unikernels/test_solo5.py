"""What a unikernel says of itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unikernels.factory import TARGETS, elf, make_unikernel, note, unikernel
from unikernels import solo5
from unikernels.solo5 import Device, NotAUnikernelError


@pytest.mark.parametrize("target", TARGETS)
def test_its_target_is_told(target: str, tmp_path: Path) -> None:
    found = solo5.read(make_unikernel(tmp_path / "u", target))
    assert (found.target, found.version, found.devices) == (target, 1, {})


def test_its_devices_are_told(tmp_path: Path) -> None:
    found = solo5.read(
        make_unikernel(tmp_path / "u", devices={"service": "network", "data": "block", "x" * 67: "block"})
    )
    assert found.devices == {"service": Device.NETWORK, "data": Device.BLOCK, "x" * 67: Device.BLOCK}
    assert found.named(Device.NETWORK) == ["service"]


#: Solo5's own declarations, in the words of its headers, so that a compiler lays them out.
SOURCE = r"""
#include <stdint.h>
#include <stdbool.h>
struct abi1 { uint32_t namesz, descsz, type; char name[8]; uint32_t target, version, r0, r1; };
const struct abi1 abi __attribute__((section(".note.solo5.abi"), aligned(4), used)) =
  { 6, 16, 0x31494241, "Solo5", 2, 7, 0, 0 };
struct block { uint64_t capacity; uint16_t block_size; };
struct net { uint8_t mac[6]; uint16_t mtu; };
struct entry {
  char name[68]; uint32_t type; union { struct block b; struct net n; } u;
  union { int fd; void *data; } b; bool attached;
};
struct mft { uint32_t version, entries; struct entry e[2]; };
struct mft1 { struct { uint32_t namesz, descsz, type; char name[8]; } h; struct mft m; };
const struct mft1 manifest __attribute__((section(".note.solo5.manifest"), aligned(8), used)) =
  { { 6, sizeof(struct mft1) - 20, 0x3154464d, "Solo5" }, { 1, 2, { { "service", 2 }, { "data", 1 } } } };
void _start(void) { for (;;); }
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="no compiler")
def test_what_a_compiler_lays_out_is_read(tmp_path: Path) -> None:
    (tmp_path / "u.c").write_text(SOURCE)
    words = ["gcc", "-static", "-nostdlib", "-nostartfiles", "-o", str(tmp_path / "u"), str(tmp_path / "u.c")]
    subprocess.run(words, check=True, capture_output=True)
    found = solo5.read(tmp_path / "u")
    assert (found.target, found.version) == ("spt", 7)
    assert found.devices == {"service": Device.NETWORK, "data": Device.BLOCK}


def told(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(NotAUnikernelError) as raised:
        solo5.read(path)
    return str(raised.value)


def test_what_is_none_is_told(tmp_path: Path) -> None:
    path = tmp_path / "u"
    assert told(path, b"#!/bin/sh\n") == "is no ELF file"
    assert told(path, b"") == "is no ELF file"
    assert "64 bits" in told(path, b"\x7fELF\x01\x01")
    assert "no unikernel" in told(path, Path(sys.executable).resolve().read_bytes())
    assert "no unikernel" in told(path, elf(note(1, b"Solo5")))


@pytest.mark.parametrize("length", [7, 63, 64, 100, 200, 240])
def test_half_of_one_is_told(length: int, tmp_path: Path) -> None:
    assert "cut off" in told(tmp_path / "u", unikernel(devices={"service": "network"})[:length])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_file_does_more_than_be_refused(data: st.DataObject, tmp_path: Path) -> None:
    good = bytearray(unikernel(devices={"service": "network", "data": "block"}))
    for _ in range(data.draw(st.integers(1, 8))):
        good[data.draw(st.integers(6, len(good) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "u").write_bytes(good)
    try:
        solo5.read(tmp_path / "u")
    except NotAUnikernelError:
        return
