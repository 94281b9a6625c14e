"""Messages as bytes, as pycapnp writes them and the real scheduler reads them."""

from __future__ import annotations

import struct
from pathlib import Path

import capnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocluster.rpc import exceptions, frames

RPC = capnp.load(capnp.__path__[0] + "/rpc.capnp", imports=[str(Path(capnp.__path__[0]).parent)])


def written(message: object) -> bytes:
    return bytes(message.to_bytes())


@given(question=st.integers(0, 2**32 - 1), service=st.binary(max_size=64))
def test_a_bootstrap_that_names_an_object_is_as_pycapnp_would_write_it(question: int, service: bytes) -> None:
    message = RPC.Message.new_message()
    body = message.init("bootstrap")
    body.questionId = question
    body.deprecatedObjectId = service
    assert frames.bootstrap(question, service) == written(message)


@given(st.integers(0, 2**32 - 1))
def test_the_question_of_a_bootstrap_is_found(question: int) -> None:
    message = RPC.Message.new_message()
    message.init("bootstrap").questionId = question
    assert frames.bootstrap_question(written(message)) == question
    assert frames.bootstrap_question(frames.bootstrap(question, b"id")) == question


def test_another_message_is_no_bootstrap() -> None:
    message = RPC.Message.new_message()
    message.init("finish").questionId = 7
    assert frames.bootstrap_question(written(message)) is None


@given(st.integers(0, 200))
def test_a_frame_has_a_length_once_it_is_whole(cut: int) -> None:
    frame = frames.bootstrap(1, bytes(100))
    assert frames.length(frame[:cut]) == (len(frame) if cut >= len(frame) else None)
    assert frames.length(b"before" + frame + b"after", 6) == len(frame)


@pytest.mark.parametrize(
    "head", [struct.pack("<II", 600, 1), struct.pack("<II", 0, 2**31), struct.pack("<II", 2**32 - 1, 0)]
)
def test_a_peer_that_announces_too_much_is_not_believed(head: bytes) -> None:
    with pytest.raises(frames.BadFrameError, match="it announces"):
        frames.length(head)


def exception(kind: str, reason: bytes) -> bytes:
    """A message with an exception whose reason is these bytes."""
    message = RPC.Message.new_message()
    body = message.init(kind)
    if kind == "return":
        body.answerId = 5
    elif kind == "resolve":
        body.promiseId = 5
    target = body if kind == "abort" else body.init("exception")
    target.reason, target.type = "?" * len(reason), "disconnected"
    return written(message).replace(b"?" * len(reason), reason)


@pytest.mark.parametrize("kind", ["return", "resolve", "abort"])
def test_a_reason_that_is_not_utf8_is_made_harmless_and_the_rest_stays(kind: str) -> None:
    safe = exceptions.harmless(exception(kind, b"worker said \xff\xfe!"))
    with RPC.Message.from_bytes(safe) as message:
        body = getattr(message, kind)
        told = body if kind == "abort" else body.exception
        assert (told.reason, str(told.type)) == ("worker said ��!", "disconnected")
        if kind != "abort":
            assert (body.answerId if kind == "return" else body.promiseId) == 5


@pytest.mark.parametrize("kind", ["return", "resolve", "abort"])
def test_a_reason_in_utf8_stays_as_it_is(kind: str) -> None:
    frame = exception(kind, "Fehler: größer".encode())
    assert exceptions.harmless(frame) == frame


def test_results_are_not_even_read() -> None:
    message = RPC.Message.new_message()
    body = message.init("return")
    body.answerId = 3
    body.init("results")
    assert exceptions.harmless(written(message)) == written(message)


@given(st.binary(min_size=8, max_size=200))
def test_no_frame_raises_anything_else(data: bytes) -> None:
    frame = struct.pack("<II", 0, len(data) // 8) + data[: len(data) // 8 * 8]
    try:
        exceptions.harmless(frame)
    except frames.BadFrameError:
        return
