"""The messages of Cap'n Proto's RPC (`rpc.capnp`), as a scheduler of capnp-rpc writes and reads them."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import capnp

from tests.ocluster_server.encoding import Pointer, Struct, StructList, frame, text

#: Members of the union `Message`.
_UNIMPLEMENTED, _ABORT, _RETURN, _RESOLVE = 0, 1, 3, 5
#: Members of the union in `CapDescriptor`.
_HOSTED, _PROMISED = 1, 2
#: Bytes of the largest frame that is taken. Upstream's client sends Dockerfiles; nothing is near to this.
_LARGEST = 64 << 20


class Kind(IntEnum):
    """What sort of failure an exception is."""

    FAILED = 0
    OVERLOADED = 1
    DISCONNECTED = 2
    UNIMPLEMENTED = 3


class Refusal(Exception):  # noqa: N818  a value: what a caller is answered
    """An exception for the caller, in these very words. Bytes need not be UTF-8."""

    def __init__(self, reason: str | bytes, kind: Kind = Kind.FAILED) -> None:
        super().__init__(reason)
        self.reason, self.kind = reason, kind


class BrokenPeerError(Exception):
    """What was received is no message."""


@dataclass(frozen=True, slots=True)
class Export:
    """An object that a message hands to the peer, under its number."""

    number: int
    promised: bool


def returned(answer: int, content: Pointer, exports: tuple[Export, ...]) -> bytes:
    """The results of a call."""
    payload = Struct(b"", (content, StructList(tuple(_descriptor(each) for each in exports))))
    return _message(_RETURN, _return(answer, 0, payload))


def refused(answer: int, refusal: Refusal) -> bytes:
    """The exception that a call ended with."""
    return _message(_RETURN, _return(answer, 1, _exception(refusal)))


def resolved(promise: int, export: Export) -> bytes:
    """What an object that was promised has become."""
    return _message(_RESOLVE, Struct(struct.pack("<IHH", promise, 0, 0), (_descriptor(export),)))


def broken(promise: int, refusal: Refusal) -> bytes:
    """Why an object that was promised will never be."""
    return _message(_RESOLVE, Struct(struct.pack("<IHH", promise, 1, 0), (_exception(refusal),)))


def aborted(refusal: Refusal) -> bytes:
    """The last message of a connection."""
    return _message(_ABORT, _exception(refusal))


def unimplemented() -> bytes:
    """The answer to a message that we do not know. What it was is not repeated."""
    return _message(_UNIMPLEMENTED, Struct())


def take(buffer: bytearray) -> bytes | None:
    """Take the first frame from a buffer, or None where it is not whole yet.

    :raises BrokenPeerError: what is there is no frame.
    """
    if len(buffer) < 8:
        return None
    segments = struct.unpack_from("<I", buffer)[0] + 1
    head = (4 + 4 * segments + 7) // 8 * 8
    if segments > 512:
        raise BrokenPeerError("too many segments")
    if len(buffer) < head:
        return None
    length = head + 8 * sum(struct.unpack_from(f"<{segments}I", buffer, 4))
    if length > _LARGEST:
        raise BrokenPeerError("too large a message")
    if len(buffer) < length:
        return None
    taken = bytes(buffer[:length])
    del buffer[:length]
    return taken


def object_id(frame: bytes) -> bytes:
    """The id of the object that a bootstrap message of one segment asks for, empty where it names none.

    capnp-rpc reads it as Text, bytes that end with NUL; pycapnp cannot read it, as it need not be UTF-8.

    :raises BrokenPeerError: it is something else; the text is capnp-rpc's.
    """
    try:
        body = _target(frame, _target(frame, 8) + 8)
        at = body + 8
        offset, size = struct.unpack_from("<iI", frame, at)
        if not offset and not size:
            return b""
        start, count = at + 8 + (offset >> 2) * 8, size >> 3
        if offset & 3 == 1 and size & 7 == 2 and count and frame[start + count - 1] == 0:
            return frame[start : start + count - 1]
    except (struct.error, IndexError):
        pass
    raise BrokenPeerError('Capnp__Message.Invalid_message("string list is not null terminated")')


def _target(frame: bytes, at: int) -> int:
    """Where the struct begins that a pointer points to. Message and Bootstrap have one word of data, then a pointer."""
    offset: int = struct.unpack_from("<i", frame, at)[0]
    return at + 8 + (offset >> 2) * 8


@cache
def schema() -> Any:
    """`rpc.capnp`, which pycapnp brings. Without the directory of its imports, it would end the process."""
    package = Path(capnp.__path__[0])
    return capnp.load(str(package / "rpc.capnp"), imports=[str(package.parent)])


def _message(kind: int, body: Struct) -> bytes:
    return frame(Struct(struct.pack("<HHI", kind, 0, 0), (body,)))


def _return(answer: int, tag: int, body: Struct) -> Struct:
    # The 1 says that the caller keeps what it gave us, which capnp-rpc always says.
    return Struct(struct.pack("<IHHQ", answer, 1, tag, 0), (body,))


def _descriptor(export: Export) -> Struct:
    return Struct(struct.pack("<HHI", _PROMISED if export.promised else _HOSTED, 0, export.number), (None,))


def _exception(refusal: Refusal) -> Struct:
    return Struct(struct.pack("<HHHH", 0, 0, refusal.kind, 0), (text(refusal.reason),))
