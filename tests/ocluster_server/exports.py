"""The objects of ours that a connection's peer holds, by their numbers."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from tests.ocluster_server import messages
from tests.ocluster_server.messages import BrokenPeerError, Export, Refusal
from tests.ocluster_server.objects import Object, Promise, innermost


class Exports:
    """The lowest free number is given next, as capnp-rpc does. Of a promise the peer is told what it becomes."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._objects: dict[int, Object] = {}
        self._numbers: dict[Object, int] = {}
        self._counts: dict[int, int] = {}
        self._free: list[int] = []
        #: Promises of which the peer has not been told yet that it has them.
        self._new: list[tuple[int, Promise]] = []

    def __getitem__(self, number: int) -> Object:
        """The object of a number.

        :raises BrokenPeerError: the peer holds none of that number.
        """
        try:
            return self._objects[number]
        except KeyError:
            raise BrokenPeerError(f"there is no export {number}") from None

    def add(self, target: Object) -> Export:
        """Count one more reference of the peer's, of which a message will tell it; call `told` then."""
        target = innermost(target)
        number = self._numbers.get(target)
        if number is None:
            number = heapq.heappop(self._free) if self._free else len(self._objects)
            self._objects[number], self._numbers[target], self._counts[number] = target, number, 0
            target.hold()
            if isinstance(target, Promise):
                self._new.append((number, target))
        self._counts[number] += 1
        return Export(number, isinstance(target, Promise))

    def told(self) -> None:
        """The peer knows of everything that was added."""
        new, self._new = self._new, []
        for number, promise in new:
            self._follow(number, promise)

    def release(self, number: int, count: int) -> None:
        """The peer lets go of it.

        :raises BrokenPeerError: it holds none of that number.
        """
        target = self[number]
        self._counts[number] -= count
        if self._counts[number] <= 0:
            del self._objects[number], self._numbers[target], self._counts[number]
            heapq.heappush(self._free, number)
            target.drop()

    def clear(self) -> None:
        """The peer is gone."""
        for number in list(self._objects):
            self.release(number, self._counts[number])

    def _follow(self, number: int, promise: Promise) -> None:
        def tell(settled: Object | Refusal) -> None:
            if self._objects.get(number) is not promise:
                return
            if isinstance(settled, Refusal):
                self._send(messages.broken(number, settled))
            else:
                self._send(messages.resolved(number, self.add(settled)))
                self.told()

        promise.when_settled(tell)
