"""One connection: what was asked on it, and what of ours its peer holds (level 1 of `rpc.capnp`, one side of it).

A client's own objects are never called: a scheduler has no use for them but to report progress, which this one does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.ocluster_server import interfaces, messages
from tests.ocluster_server.answer import Answer
from tests.ocluster_server.encoding import Capability
from tests.ocluster_server.exports import Exports
from tests.ocluster_server.messages import BrokenPeerError, Refusal
from tests.ocluster_server.objects import Object

#: Finds an object by its id.
Restore = Callable[[bytes], Object]


class Vat:
    """Takes messages, one at a time and in order, and sends what follows from them."""

    def __init__(self, restore: Restore, send: Callable[[bytes], None]) -> None:
        self._restore, self._send = restore, send
        self._answers: dict[int, Answer] = {}
        self._exports = Exports(send)
        self._closed = False

    def take(self, frame: bytes) -> None:
        """Do what a message says.

        :raises BrokenPeerError: the connection has to be aborted, with this text.
        """
        with messages.schema().Message.from_bytes(frame) as message:
            match message.which():
                case "call":
                    self._call(message.call)
                case "finish":
                    self._finish(message.finish.questionId, message.finish.releaseResultCaps)
                case "release":
                    self._exports.release(message.release.id, message.release.referenceCount)
                case "bootstrap":
                    self._bootstrap(message.bootstrap.questionId, messages.object_id(frame))
                case "abort":
                    raise BrokenPeerError("aborted by the peer")
                case "unimplemented":
                    pass
                case _:
                    self._send(messages.unimplemented())

    def close(self) -> None:
        """The connection is gone, and with it all that its peer held."""
        self._closed = True
        answers, self._answers = list(self._answers.values()), {}
        for answer in answers:
            answer.cancel()
            answer.drop()
        self._exports.clear()

    def _bootstrap(self, number: int, id: bytes) -> None:
        answer = self._answer(number)
        # Upstream looks it up in its database meanwhile: calls that are pipelined on it arrive before it is there.
        asyncio.get_running_loop().call_soon(self._restored, answer, id)

    def _restored(self, answer: Answer, id: bytes) -> None:
        try:
            answer.succeed(Capability(self._restore(id)))
        except Refusal as refusal:
            answer.refuse(refusal)

    def _call(self, message: Any) -> None:
        answer = self._answer(message.questionId)
        try:
            call = interfaces.read(message)
        except Refusal as refusal:
            answer.refuse(refusal)
            return
        if message.target.which() == "importedCap":
            answer.ask(self._exports[message.target.importedCap], call)
            return
        asked = message.target.promisedAnswer
        path = tuple(step.getPointerField for step in asked.transform if step.which() == "getPointerField")
        self._known(asked.questionId).pipeline(path, call, answer)

    def _finish(self, number: int, release: bool) -> None:
        answer = self._known(number)
        answer.finished = True
        if not answer.ended:
            answer.cancel()
            return
        for each in answer.exports if release else ():
            self._exports.release(each.number, 1)
        self._forget(answer)

    def _ended(self, answer: Answer) -> None:
        if self._closed:
            return
        if answer.refusal:
            self._send(messages.refused(answer.number, answer.refusal))
        else:
            answer.exports = tuple(self._exports.add(each) for each in answer.objects())
            self._send(messages.returned(answer.number, answer.content, answer.exports))
            self._exports.told()
        if answer.finished:
            self._forget(answer)

    def _forget(self, answer: Answer) -> None:
        del self._answers[answer.number]
        answer.drop()

    def _answer(self, number: int) -> Answer:
        if number in self._answers:
            raise BrokenPeerError(f"question {number} was asked already")
        answer = self._answers[number] = Answer(number, self._ended)
        return answer

    def _known(self, number: int) -> Answer:
        try:
            return self._answers[number]
        except KeyError:
            raise BrokenPeerError(f"there is no question {number}") from None
