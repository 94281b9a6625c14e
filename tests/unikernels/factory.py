"""Unikernels that run nowhere: well-formed ELF files with the notes that Solo5 links in, laid out as its headers say."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

TARGETS = {"hvt": 1, "spt": 2, "virtio": 3, "muen": 4, "genode": 5, "xen": 6}
_ABI, _MANIFEST = 0x31494241, 0x3154464D


def note(kind: int, content: bytes, name: bytes = b"Solo5\0") -> bytes:
    padded = name + b"\0" * (-len(name) % 4)
    return struct.pack("<III", len(name), len(content), kind) + padded + content + b"\0" * (-len(content) % 4)


def manifest(devices: Mapping[str, str]) -> bytes:
    entries = b"".join(
        struct.pack("<68sI16s8s8s", name.encode(), {"block": 1, "network": 2}[kind], b"", b"", b"")
        for name, kind in devices.items()
    )
    # `struct mft` is aligned to 8 bytes behind a note's header of 20.
    return b"\0" * 4 + struct.pack("<II", 1, len(devices)) + entries


def elf(*segments: bytes, kind: int = 4) -> bytes:
    """An ELF file with these segments, all of one kind; notes have kind 4."""
    table, at = b"", 64 + 56 * len(segments)
    for segment in segments:
        table += struct.pack("<IIQQQQQQ", kind, 4, at, at, at, len(segment), len(segment), 4)
        at += len(segment)
    ident = b"\x7fELF\x02\x01\x01" + b"\0" * 9
    header = struct.pack("<16sHHIQQQIHHHHHH", ident, 2, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    return header + table + b"".join(segments)


def unikernel(target: str = "hvt", devices: Mapping[str, str] | None = None, content: str = "") -> bytes:
    """A unikernel for a target, with devices by name (`block` or `network`); two with other contents are other files."""
    abi = note(_ABI, struct.pack("<IIII", TARGETS[target], 1, 0, 0))
    other = note(1, b"\0" * 4, b"OpenBSD\0")
    return elf(other, abi, note(_MANIFEST, manifest(devices or {}))) + content.encode()


def make_unikernel(
    path: Path, target: str = "hvt", devices: Mapping[str, str] | None = None, content: str = ""
) -> Path:
    """Write one."""
    path.write_bytes(unikernel(target, devices, content))
    return path
