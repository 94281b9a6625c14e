"""What the runner and its follower say to each other: frames over a pair of sockets. Pure.

A frame is its kind (1 byte), a number (4 bytes) that tells which job it is about, the length of its body (4 bytes), and the
body: JSON, or raw bytes of a log.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any

#: Kinds of frames.
MESSAGE, LOG = 1, 2
_HEAD = struct.Struct(">BII")
#: Bytes that are read at once: many small chunks of many logs.
BUFFER = 1 << 20


def message(number: int, told: dict[str, Any]) -> bytes:
    """A frame with a message."""
    body = json.dumps(told).encode()
    return _HEAD.pack(MESSAGE, number, len(body)) + body


def log(number: int, data: bytes) -> bytes:
    """A frame with a piece of a job's log."""
    return _HEAD.pack(LOG, number, len(data)) + data


async def read(reader: asyncio.StreamReader) -> tuple[int, int, bytes] | None:
    """The next frame: its kind, its number, its body. None once the other side is gone."""
    try:
        kind, number, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        return kind, number, await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
