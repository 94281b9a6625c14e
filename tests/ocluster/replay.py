"""A peer that answers with what a real scheduler said: recorded exchanges, renumbered as the questions are now.

Recorded calls are known by their interface and method, and by how many of the same came before. What was not asked in the
recording (our client makes sure of a connection first, and reads the log in any case) is answered as the real scheduler
does: `save` is not implemented, and anything of a job that failed fails with the same words.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import capnp

from ocluster.rpc import frames

RECORDINGS = Path(__file__).with_name("recordings")
RPC = capnp.load(capnp.__path__[0] + "/rpc.capnp", imports=[str(Path(capnp.__path__[0]).parent)])
_PERSISTENT = 0xC8CB212FCD9F5691
TICKET_CANCEL, JOB_CANCEL = (0x9497C03B7CA5B27B, 1), (0xCA66FD1F972EFCCC, 2)

Asked = tuple[int, int, int]


def recorded(scenario: str) -> list[tuple[str, str, bytes]]:
    """The messages of a recording: from whom, of which kind, and their bytes."""
    lines = (RECORDINGS / f"{scenario}.jsonl").read_text().splitlines()[1:]
    messages = map(json.loads, lines)
    return [
        (each["from"], each["message"], base64.b64decode(each["bytes"]))
        for each in messages
        if each["message"] != "eof"
    ]


@contextlib.contextmanager
def opened(frame: bytes) -> Iterator[Any]:
    """A message, to be read."""
    with RPC.Message.from_bytes(frame) as message:
        yield message


class Replay:
    """Serves one connection from a recording.

    :ivar bootstrap: the client's first message.
    :ivar calls: what it called: interface and method.
    """

    def __init__(self, scenario: str) -> None:
        self._answers, self._names = self._understand(scenario)
        self._questions: dict[Asked, int] = {}
        self._seen: Counter[tuple[int, int]] = Counter()
        self._unknown: list[int] = []
        self._reason = ""
        self.bootstrap = b""
        self.calls: list[tuple[int, int]] = []

    @staticmethod
    def _understand(scenario: str) -> tuple[list[tuple[frozenset[tuple[int, int]], bytes]], dict[int, list[Asked]]]:
        """The server's messages in order, with the cancellations before them; and which calls a question's number stood for."""
        answers, names, seen, cancelled = [], {}, Counter(), set()
        for sender, kind, frame in recorded(scenario):
            if sender == "server":
                answers.append((frozenset(cancelled), frame))
            elif kind in ("bootstrap", "call"):
                with opened(frame) as message:
                    body = getattr(message, kind)
                    key = (0, 0) if kind == "bootstrap" else (int(body.interfaceId), int(body.methodId))
                    names.setdefault(int(body.questionId), []).append((*key, seen[key]))
                    # Elsewhere the recorded client tidied up so, which ours need not.
                    if key in (TICKET_CANCEL, JOB_CANCEL) and scenario.startswith("cancelled"):
                        cancelled.add(key)
                    seen[key] += 1
        return answers, names

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the client is gone."""
        received = bytearray()
        while data := await reader.read(1 << 16):
            received += data
            while (end := frames.length(received)) is not None:
                self._hear(bytes(received[:end]), writer)
                del received[:end]
            self._speak(writer)

    def _hear(self, frame: bytes, writer: asyncio.StreamWriter) -> None:
        with opened(frame) as message:
            kind = message.which()
            if kind not in ("bootstrap", "call"):
                return
            body = getattr(message, kind)
            key = (0, 0) if kind == "bootstrap" else (int(body.interfaceId), int(body.methodId))
            question = int(body.questionId)
        if kind == "bootstrap":
            self.bootstrap = frame
        else:
            self.calls.append(key)
        asked = (*key, self._seen[key])
        self._seen[key] += 1
        if key[0] == _PERSISTENT:
            reason = "Unknown persistent service ID" if not self._knows_service() else "Unimplemented: save"
            writer.write(_exception(question, reason, "unimplemented" if self._knows_service() else "failed"))
        elif any(asked in each for each in self._names.values()):
            self._questions[asked] = question
        else:
            self._unknown.append(question)

    def _knows_service(self) -> bool:
        return not any(b"Unknown persistent" in answer for _, answer in self._answers)

    def _speak(self, writer: asyncio.StreamWriter) -> None:
        while self._answers:
            before, recorded_frame = self._answers[0]
            frame = self._renumbered(recorded_frame) if before <= set(self.calls) else None
            if frame is None:
                return
            self._answers.pop(0)
            writer.write(frame)
        if self._reason:
            for question in self._unknown:
                writer.write(_exception(question, self._reason, "failed"))
            self._unknown.clear()

    def _renumbered(self, frame: bytes) -> bytes | None:
        """An answer to the question that is asked now; None while it is not asked yet."""
        with opened(frame) as message:
            if message.which() != "return":
                return frame
            body = getattr(message, "return")
            names = self._names[int(body.answerId)]
            reason = str(body.exception.reason) if body.which() == "exception" else ""
        if names[0] not in self._questions:
            return None
        known = frames.kind(frame)
        assert known is not None
        assert known[1] is not None
        # A number is used again once its question is settled.
        asked = names.pop(0) if len(names) > 1 else names[0]
        self._reason = reason or self._reason
        number = struct.pack("<I", self._questions[asked])
        return frame[: known[1]] + number + frame[known[1] + 4 :]


def _exception(question: int, reason: str, kind: str) -> bytes:
    message = RPC.Message.new_message()
    body = message.init("return")
    body.answerId, body.releaseParamCaps = question, False
    exception = body.init("exception")
    exception.reason, exception.type = reason, kind
    return bytes(message.to_bytes())
