"""Cap'n Proto messages as bytes: where they end, and the one message that pycapnp cannot write. Pure.

A frame is a table of segment lengths followed by the segments, all in words of 8 bytes, little endian
(https://capnproto.org/encoding.html, section Serialization over a Stream). Messages are those of `rpc.capnp`.
"""

from __future__ import annotations

import struct

#: What one message of a peer may have. Log chunks have 10 kB; a list of pools a few more.
LARGEST = 64 << 20
MOST_SEGMENTS = 512
#: `Message.bootstrap` in rpc.capnp.
_BOOTSTRAP = 8
#: Bytes from which on the number of segments and the first length are known.
_HEAD = 8


class BadFrameError(ValueError):
    """A peer sent what no message can be."""


def length(buffer: bytes | bytearray, at: int = 0) -> int | None:
    """The length of the frame that begins there, or None where it is not whole yet.

    :raises BadFrameError: it is larger than any message that a scheduler sends.
    """
    have = len(buffer) - at
    if have < _HEAD:
        return None
    segments = struct.unpack_from("<I", buffer, at)[0] + 1
    if segments > MOST_SEGMENTS:
        raise BadFrameError(f"it announces a message of {segments} segments")
    head = (4 + 4 * segments + 7) // 8 * 8
    if have < head:
        return None
    total: int = head + 8 * sum(struct.unpack_from(f"<{segments}I", buffer, at + 4))
    if total > LARGEST:
        raise BadFrameError(f"it announces a message of {total} bytes")
    return total if have >= total else None


def bootstrap(question: int, service: bytes) -> bytes:
    """Write a bootstrap message that names an object.

    capnp-rpc reads the object's id from `deprecatedObjectId` as Text: the raw bytes and a NUL. pycapnp leaves it null.
    """
    text = service + b"\0"
    words = (len(text) + 7) // 8
    return b"".join(
        (
            struct.pack("<II", 0, 5 + words),
            struct.pack("<IHH", 0, 1, 1),  # pointer to Message: one word of data, one pointer
            struct.pack("<HHI", _BOOTSTRAP, 0, 0),
            struct.pack("<IHH", 0, 1, 1),  # pointer to Bootstrap, likewise
            struct.pack("<II", question, 0),
            struct.pack("<II", 1, (len(text) << 3) | 2),  # pointer to a list of bytes
            text.ljust(words * 8, b"\0"),
        )
    )


def bootstrap_question(frame: bytes) -> int | None:
    """The question's number if this is a bootstrap message in one segment, else None."""
    if struct.unpack_from("<I", frame)[0] != 0:
        return None
    message = _struct_at(frame, 8)
    if message is None or message[1] < 1 or struct.unpack_from("<H", frame, message[0])[0] != _BOOTSTRAP:
        return None
    body = _struct_at(frame, message[0] + 8 * message[1])
    if body is None:
        return None
    return int(struct.unpack_from("<I", frame, body[0])[0]) if body[1] else 0


def kind(frame: bytes) -> tuple[int, int | None] | None:
    """What a message of one segment is: its number in the union `Message`, and the offset of its body.

    None where it has to be read properly to know, or is damaged.
    """
    if struct.unpack_from("<I", frame)[0] != 0:
        return None
    try:
        message = _struct_at(frame, 8)
        if message is None or message[1] < 1:
            return None
        number = int(struct.unpack_from("<H", frame, message[0])[0])
        body = _struct_at(frame, message[0] + 8 * message[1])
    except struct.error:
        return None
    return number, body[0] if body and body[1] else None


def _struct_at(frame: bytes, at: int) -> tuple[int, int] | None:
    """Where the struct is that a pointer points to, and its words of data; None for a null pointer or another kind."""
    offset, words, pointers = struct.unpack_from("<iHH", frame, at)
    if offset & 3 or (offset == 0 and words == 0 and pointers == 0):
        return None
    return at + 8 + (offset >> 2) * 8, words
