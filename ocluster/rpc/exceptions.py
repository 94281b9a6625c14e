"""Exceptions of a peer, made safe for pycapnp: 2.2.4 ends the process at a reason that is not UTF-8."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any

import capnp

from ocluster.rpc import frames

#: Members of the union `Message` that can carry an exception, and where their own union's tag is in the body's data.
_ABORT, _RETURN, _RESOLVE = 1, 3, 5
_TAG = {_RETURN: 6, _RESOLVE: 4}
#: `exception`, in the unions of Return and of Resolve alike.
_EXCEPTION = 1


def harmless(frame: bytes) -> bytes:
    """The same message, its exception's reason in UTF-8; nearly all messages come back as they are.

    :raises BadFrameError: it cannot be read.
    """
    if _certainly_none(frame):
        return frame
    try:
        return _checked(frame)
    except (capnp.KjException, struct.error) as error:
        raise frames.BadFrameError(f"it sent a message that cannot be read: {error}") from None


def _certainly_none(frame: bytes) -> bool:
    """Tell most messages without reading them: this is asked for every chunk of every log."""
    known = frames.kind(frame)
    if known is None:
        return False
    number, body = known
    if number not in (_ABORT, _RETURN, _RESOLVE):
        return True
    if number == _ABORT:
        return False
    if body is None or body + 8 > len(frame):
        return False
    return bool(struct.unpack_from("<H", frame, body + _TAG[number])[0] != _EXCEPTION)


def _checked(frame: bytes) -> bytes:
    with _schema().Message.from_bytes(frame) as message:
        exception = _exception_of(message)
        if exception is None:
            return frame
        try:
            _ = exception.reason
        except UnicodeDecodeError as error:
            return _rewritten(message, exception, bytes(error.object).decode(errors="replace"))
        return frame


def _exception_of(message: Any) -> Any:
    match message.which():
        case "abort":
            return message.abort
        case "return" | "resolve" as name:
            body = getattr(message, name)
            return body.exception if body.which() == "exception" else None
        case _:
            return None


def _rewritten(message: Any, exception: Any, reason: str) -> bytes:
    new = _schema().Message.new_message()
    name = str(message.which())
    body = new.init(name)
    if name == "return":
        told = getattr(message, name)
        body.answerId, body.releaseParamCaps = told.answerId, told.releaseParamCaps
    elif name == "resolve":
        body.promiseId = message.resolve.promiseId
    target = body if name == "abort" else body.init("exception")
    target.reason, target.type = reason, str(exception.type)
    return bytes(new.to_bytes())


@cache
def _schema() -> Any:
    package = Path(capnp.__path__[0])
    # Without the directory of its imports, pycapnp ends the process.
    return capnp.load(str(package / "rpc.capnp"), imports=[str(package.parent)])
