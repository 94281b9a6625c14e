"""What the stand-in writes is what Cap'n Proto reads."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from tests.ocluster_server import messages
from tests.ocluster_server.encoding import Blob, Capability, PointerList, Struct, StructList, frame, text
from tests.ocluster_server.interfaces import api
from tests.ocluster_server.messages import Export, Kind, Refusal

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)


@given(dockerfile=TEXT, commits=st.lists(TEXT, max_size=5), secrets=st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_structs_lists_and_texts_are_read_as_they_were_written(
    dockerfile: str, commits: list[str], secrets: list[tuple[str, str]]
) -> None:
    build = Struct(bytes(8), (text(dockerfile), None, None, None, None))
    listed = StructList(tuple(Struct(b"", (text(id), text(value))) for id, value in secrets))
    root = Struct(bytes(8), (build, text("hint"), None, PointerList(tuple(map(text, commits))), listed))
    with api().JobDescr.from_bytes(frame(root)) as descr:
        assert descr.action.dockerBuild.dockerfile.contents == dockerfile
        assert (descr.cacheHint, list(descr.commits)) == ("hint", commits)
        assert [(each.id, each.value) for each in descr.secrets] == secrets


@given(answer=st.integers(0, 2**32 - 1), data=st.binary(max_size=100), number=st.integers(0, 2**32 - 1))
def test_results_carry_their_content_and_what_they_hand_out(answer: int, data: bytes, number: int) -> None:
    content = Struct(struct.pack("<q", 7), (Blob(data),))
    sent = messages.returned(answer, content, (Export(number, True), Export(3, False)))
    with messages.schema().Message.from_bytes(sent) as message:
        body = getattr(message, "return")
        assert (body.answerId, body.releaseParamCaps) == (answer, False)
        assert body.results.capTable[0].senderPromise == number
        assert body.results.capTable[1].senderHosted == 3
        log = body.results.content.as_struct(api().Job.schema.methods["log"].result_type)
        assert (log.next, bytes(log.log)) == (7, data)


@given(number=st.integers(0, 2**32 - 1), reason=TEXT, kind=st.sampled_from(Kind))
def test_an_exception_carries_its_words_and_its_kind(number: int, reason: str, kind: Kind) -> None:
    refusal = Refusal(reason, kind)
    for sent in (messages.refused(number, refusal), messages.broken(number, refusal)):
        with messages.schema().Message.from_bytes(sent) as message:
            name = str(message.which())
            body = getattr(message, name)
            assert (body.answerId if name == "return" else body.promiseId) == number
            assert (body.exception.reason, str(body.exception.type)) == (reason, kind.name.lower())


def test_a_capability_is_numbered_by_its_place() -> None:
    root = Struct(b"", (Capability("first"), None, Capability("second")))
    assert frame(root)[16:40] == struct.pack("<IIQII", 3, 0, 0, 3, 1)


@given(st.lists(st.binary(max_size=30), max_size=5), st.integers(0, 300))
def test_frames_are_taken_one_by_one_and_only_whole(contents: list[bytes], cut: int) -> None:
    sent = [frame(Struct(b"", (Blob(each),))) for each in contents]
    buffer = bytearray(b"".join(sent)[: -cut or None])
    taken = []
    while (one := messages.take(buffer)) is not None:
        taken.append(one)
    assert taken == sent[: len(taken)]
    assert b"".join(taken) + buffer == b"".join(sent)[: -cut or None]
