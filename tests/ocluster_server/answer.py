"""What we answer to one question of a peer, and what the peer asks of the answer before it has it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tests.ocluster_server.encoding import Capability, Pointer, Struct, capabilities
from tests.ocluster_server.messages import Export, Refusal
from tests.ocluster_server.objects import Call, Object

#: Where in an answer's content an object is: the pointer to follow in each struct.
Path = tuple[int, ...]


class Answer:
    """It holds what was asked until that has answered, and what it answers until the peer has finished with it.

    :param on_end: is told when it is known.
    """

    def __init__(self, number: int, on_end: Callable[[Answer], None]) -> None:
        self.number = number
        #: What it became.
        self.content: Pointer = None
        self.refusal: Refusal | None = None
        self.ended = self.finished = False
        self.exports: tuple[Export, ...] = ()
        self._on_end = on_end
        self._asked: Object | None = None
        self._waiting: list[tuple[Path, Call, Answer]] = []
        self._task: asyncio.Task[None] | None = None

    def objects(self) -> list[Object]:
        """What it hands out."""
        return [each.held for each in capabilities(self.content)]

    def ask(self, target: Object, call: Call) -> None:
        """Have an object answer."""
        self._asked = target
        target.hold()
        target.deliver(call, self)

    def pipeline(self, path: Path, call: Call, reply: Answer) -> None:
        """Ask something of an object that this answers, or will."""
        if not self.ended:
            self._waiting.append((path, call, reply))
        elif self.refusal:
            reply.refuse(self.refusal)
        elif target := _at(self.content, path):
            reply.ask(target, call)
        else:
            reply.refuse(Refusal("Invalid capability"))

    def succeed(self, content: Pointer) -> None:
        if not self.ended:
            self.content = content
            for each in self.objects():
                each.hold()
            self._end()

    def refuse(self, refusal: Refusal) -> None:
        if not self.ended:
            self.refusal = refusal
            self._end()

    def wait_for(self, outcome: Awaitable[Pointer]) -> None:
        self._task = asyncio.ensure_future(self._wait(outcome))

    def cancel(self) -> None:
        """Nobody wants it any more."""
        if self._task:
            self._task.cancel()
        self.refuse(Refusal("Cancelled"))

    def drop(self) -> None:
        """The peer has finished with it, or is gone."""
        for each in self.objects():
            each.drop()
        self.content = None

    async def _wait(self, outcome: Awaitable[Pointer]) -> None:
        try:
            self.succeed(await outcome)
        except Refusal as refusal:
            self.refuse(refusal)

    def _end(self) -> None:
        """What waits for it is delivered first, and the answer itself told then: so it goes with capnp-rpc's promises."""
        self.ended = True
        waiting, self._waiting = self._waiting, []
        for path, call, reply in waiting:
            if not reply.ended:
                self.pipeline(path, call, reply)
        self._on_end(self)
        if self._asked:
            self._asked.drop()


def _at(content: Pointer, path: Path) -> Object | None:
    for index in path:
        fields = content.pointers if isinstance(content, Struct) else ()
        content = fields[index] if index < len(fields) else None
    return content.held if isinstance(content, Capability) else None
