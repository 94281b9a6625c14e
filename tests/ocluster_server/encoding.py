"""Cap'n Proto's encoding, as far as a scheduler needs it to write: one segment, structs, bytes, lists and capabilities.

Source: https://capnproto.org/encoding.html. All numbers are little endian; a word has 8 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

_WORD = 8
#: Kinds of lists, by the size of what is in them.
_BYTES, _POINTERS, _STRUCTS = 2, 6, 7


@dataclass(frozen=True, slots=True)
class Struct:
    """A struct: its data section, whole words, and its pointers."""

    data: bytes = b""
    pointers: tuple[Pointer, ...] = ()


@dataclass(frozen=True, slots=True)
class Blob:
    """`Data`, or `Text` where its last byte is NUL."""

    data: bytes


@dataclass(frozen=True, slots=True)
class PointerList:
    """A list of texts, of data, of lists."""

    items: tuple[Pointer, ...]


@dataclass(frozen=True, slots=True)
class StructList:
    """Structs that all have sections of the same sizes. An empty one is written as a list of structs without fields."""

    items: tuple[Struct, ...]


@dataclass(frozen=True, slots=True)
class Capability:
    """A pointer to an object: `held` is whatever the connection exports for it."""

    held: Any


Pointer: TypeAlias = Struct | Blob | PointerList | StructList | Capability | None


def text(value: str | bytes) -> Blob:
    """A `Text`; bytes need not be UTF-8, as OCaml's need not."""
    return Blob((value.encode() if isinstance(value, str) else value) + b"\0")


def capabilities(pointer: Pointer) -> Iterator[Capability]:
    """The capabilities in it, in the order of their numbers."""
    match pointer:
        case Capability():
            yield pointer
        case Struct(pointers=pointers) | PointerList(items=pointers):
            for each in pointers:
                yield from capabilities(each)


def frame(root: Struct) -> bytes:
    """A message as it crosses a stream: the table of its one segment, and the segment."""
    segment = bytearray(_WORD)
    _Writer(segment).write(0, root)
    return struct.pack("<II", 0, len(segment) // _WORD) + segment


class _Writer:
    """Appends what pointers point to, each after what is there already."""

    def __init__(self, segment: bytearray) -> None:
        self._segment, self._capabilities = segment, 0

    def write(self, at: int, pointer: Pointer) -> None:
        match pointer:
            case Struct():
                self._struct(at, pointer)
            case Blob(data):
                self._list(at, _BYTES, len(data))
                self._segment += data + bytes(-len(data) % _WORD)
            case PointerList(items):
                self._list(at, _POINTERS, len(items))
                self._all(self._reserve(_WORD * len(items)), items)
            case StructList(items):
                self._structs(at, items)
            case Capability():
                struct.pack_into("<II", self._segment, at, 3, self._capabilities)
                self._capabilities += 1

    def _struct(self, at: int, value: Struct) -> None:
        words, pointers = len(value.data) // _WORD, len(value.pointers)
        # A struct without fields points to itself: otherwise it would be a null pointer.
        offset = self._offset(at) if words or pointers else -1
        struct.pack_into("<iHH", self._segment, at, offset << 2, words, pointers)
        self._fields(value)

    def _fields(self, value: Struct) -> None:
        self._segment += value.data
        self._all(self._reserve(_WORD * len(value.pointers)), value.pointers)

    def _structs(self, at: int, items: tuple[Struct, ...]) -> None:
        first = items[0] if items else Struct()
        words, pointers = len(first.data) // _WORD, len(first.pointers)
        self._list(at, _STRUCTS, (words + pointers) * len(items))
        self._segment += struct.pack("<IHH", len(items) << 2, words, pointers)
        start = self._reserve((words + pointers) * _WORD * len(items))
        for index, each in enumerate(items):
            here = start + index * (words + pointers) * _WORD
            self._segment[here : here + words * _WORD] = each.data
            self._all(here + words * _WORD, each.pointers)

    def _list(self, at: int, kind: int, count: int) -> None:
        struct.pack_into("<II", self._segment, at, self._offset(at) << 2 | 1, count << 3 | kind)

    def _all(self, start: int, pointers: tuple[Pointer, ...]) -> None:
        for index, each in enumerate(pointers):
            self.write(start + index * _WORD, each)

    def _reserve(self, count: int) -> int:
        start = len(self._segment)
        self._segment += bytes(count)
        return start

    def _offset(self, at: int) -> int:
        """Words from behind a pointer to the end of what is written."""
        return (len(self._segment) - at) // _WORD - 1
