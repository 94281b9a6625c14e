"""What a unikernel says of itself: for which target of Solo5 it was built, and which devices it wants. Pure but for reading.

Solo5 links two ELF notes into a unikernel (its `include/elf_abi.h` and `include/mft_abi.h`): `ABI1` with the target, and `MFT1`
with the devices, both under the name `Solo5`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

_MAGIC = b"\x7fELF"
#: Class 64 bits, little endian, in the first bytes of an ELF file.
_CLASS = b"\x02\x01"
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_PT_NOTE = 4
_NOTE = struct.Struct("<III")
_NAME = b"Solo5\0"
_ABI, _MANIFEST = 0x31494241, 0x3154464D
_ABI_INFO = struct.Struct("<II")
#: `struct mft`'s head, and one of its entries: a name of 68 bytes, its type, what it is, what backs it.
_MFT, _ENTRY = struct.Struct("<II"), struct.Struct("<68sI16s8s8s")
_MOST_ENTRIES = 64
#: Bytes of notes that are read. A manifest of 64 devices has 7 kB.
_LARGEST_NOTES = 1 << 20
_MOST_SEGMENTS = 256
_TARGETS = {1: "hvt", 2: "spt", 3: "virtio", 4: "muen", 5: "genode", 6: "xen"}


class Device(StrEnum):
    """What kind of device a unikernel wants."""

    BLOCK = "block"
    NETWORK = "network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What a unikernel says of itself.

    :param target: `hvt`, `spt`, `virtio`, `muen`, `genode` or `xen`; a number where Solo5 has added one since.
    :param version: of the target's interface.
    :param devices: what each is, by its name.
    """

    target: str
    version: int
    devices: dict[str, Device]

    def named(self, device: Device) -> list[str]:
        """The names of its devices of a kind."""
        return [name for name, each in self.devices.items() if each is device]


class NotAUnikernelError(ValueError):
    """A file is none; the text says why, and fits after `it`."""


def read(path: Path) -> Note:
    """Read what a file says of itself.

    :raises NotAUnikernelError: it is no ELF file of 64 bits, is cut off, or has no note of Solo5.
    """
    with path.open("rb") as file:
        notes = dict(each for segment in _segments(file) for each in _notes(segment))
    if _ABI not in notes:
        raise NotAUnikernelError("is an ELF file without a note of Solo5: it is a program, and no unikernel")
    target, version = _unpack(_ABI_INFO, notes[_ABI], 0)
    return Note(target=_TARGETS.get(target, str(target)), version=version, devices=_devices(notes.get(_MANIFEST, b"")))


def _segments(file: IO[bytes]) -> Iterator[bytes]:
    """The contents of the segments that hold notes."""
    beginning = file.read(6)
    if beginning[:4] != _MAGIC:
        raise NotAUnikernelError("is no ELF file")
    if beginning[4:] != _CLASS:
        raise NotAUnikernelError("is an ELF file, but not one of 64 bits in little endian")
    header = _HEADER.unpack(_piece(file, 0, _HEADER.size))
    table, size, count = header[5], header[9], header[10]
    if count > _MOST_SEGMENTS or (count and size != _SEGMENT.size):
        raise NotAUnikernelError("has an ELF header that makes no sense")
    for number in range(count):
        kind, _, offset, _, _, length, _, _ = _SEGMENT.unpack(_piece(file, table + number * size, size))
        if kind == _PT_NOTE:
            if length > _LARGEST_NOTES:
                raise NotAUnikernelError("has notes larger than any unikernel's")
            yield _piece(file, offset, length)


def _piece(file: IO[bytes], offset: int, length: int) -> bytes:
    try:
        file.seek(offset)
        data = file.read(length)
    except (OSError, OverflowError, ValueError):
        data = b""
    if len(data) < length:
        raise NotAUnikernelError("is cut off: it ends before what its header announces")
    return data


def _notes(segment: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and the content of each note of Solo5."""
    at = 0
    while at + _NOTE.size <= len(segment):
        name_size, size, kind = _NOTE.unpack_from(segment, at)
        name = at + _NOTE.size
        content = name + _padded(name_size)
        if content + size > len(segment):
            raise NotAUnikernelError("has a note that is cut off")
        if segment[name : name + name_size] == _NAME:
            yield kind, segment[content : content + size]
        at = content + _padded(size)


def _devices(manifest: bytes) -> dict[str, Device]:
    if not manifest:
        return {}
    # Solo5 aligns the manifest to 8 bytes, which leaves 4 of the note before it.
    start = 4 if (len(manifest) - _MFT.size) % _ENTRY.size == 4 else 0
    _, count = _unpack(_MFT, manifest, start)
    if count > _MOST_ENTRIES:
        raise NotAUnikernelError(f"says that it has {count} devices, which is more than Solo5 knows")
    found = {}
    for number in range(count):
        name, kind, *_ = _unpack(_ENTRY, manifest, start + _MFT.size + number * _ENTRY.size)
        device = {1: Device.BLOCK, 2: Device.NETWORK}.get(kind)
        if device:
            found[name.partition(b"\0")[0].decode(errors="replace")] = device
    return found


def _unpack(shape: struct.Struct, data: bytes, at: int) -> tuple[Any, ...]:
    if at + shape.size > len(data):
        raise NotAUnikernelError("has a note of Solo5 that is cut off")
    return shape.unpack_from(data, at)


def _padded(size: int) -> int:
    """Up to the next 4 bytes, as notes are laid out."""
    return (size + 3) & ~3
