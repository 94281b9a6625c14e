"""Objects that a connection can hand to its peer, and how many hold each: an OCluster job lives as long as somebody does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from tests.ocluster_server.encoding import Pointer, Struct
from tests.ocluster_server.messages import Kind, Refusal

#: What a method answers: the content of its results, now or later.
Outcome: TypeAlias = Pointer | Awaitable[Pointer]
#: Results without fields.
NOTHING = Struct()


@dataclass(frozen=True, slots=True)
class Call:
    """A method that is called, its parameters understood."""

    interface: str
    method: str
    arguments: dict[str, Any]


class Reply(Protocol):
    """Who hears how a call ended. It hears once; what comes after it was cancelled is not heard."""

    def succeed(self, content: Pointer) -> None: ...

    def refuse(self, refusal: Refusal) -> None: ...

    def wait_for(self, outcome: Awaitable[Pointer]) -> None: ...


class Object:
    """What answers calls. `hold` and `drop` count those who hold it; when the last one is gone, it is `released`."""

    interfaces: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._holders = 0

    def hold(self) -> None:
        self._holders += 1

    def drop(self) -> None:
        self._holders -= 1
        if self._holders == 0:
            self.released()

    def released(self) -> None:
        """Nobody holds it any more."""

    def deliver(self, call: Call, reply: Reply) -> None:
        """Call a method and have the reply told of the end."""
        try:
            outcome = self._called(call)
        except Refusal as refusal:
            reply.refuse(refusal)
        else:
            if isinstance(outcome, Awaitable):
                reply.wait_for(outcome)
            else:
                reply.succeed(outcome)

    def _called(self, call: Call) -> Outcome:
        if call.interface not in self.interfaces:
            raise Refusal(f"Unknown interface: {call.interface}", Kind.UNIMPLEMENTED)
        method = getattr(self, f"{call.interface.lower()}_{call.method}", None)
        if method is None:
            raise Refusal(f"{call.interface}.{call.method} is not implemented", Kind.UNIMPLEMENTED)
        outcome: Outcome = method(**call.arguments)
        return outcome


class Promise(Object):
    """An object that is not known yet; calls wait for it, in order. It holds what it becomes."""

    def __init__(self) -> None:
        super().__init__()
        self.settled: Object | Refusal | None = None
        self._waiting: list[Callable[[Object | Refusal], None]] = []

    def resolve(self, target: Object) -> None:
        """It is this."""
        target.hold()
        self._settle(target)

    def break_(self, refusal: Refusal) -> None:
        """It will never be, for this reason."""
        self._settle(refusal)

    def when_settled(self, callback: Callable[[Object | Refusal], None]) -> None:
        """Have this called once it is known, perhaps at once."""
        if self.settled is None:
            self._waiting.append(callback)
        else:
            callback(self.settled)

    def released(self) -> None:
        if isinstance(self.settled, Object):
            self.settled.drop()

    def deliver(self, call: Call, reply: Reply) -> None:
        def go_on(settled: Object | Refusal) -> None:
            if isinstance(settled, Refusal):
                reply.refuse(settled)
            else:
                settled.deliver(call, reply)

        self.when_settled(go_on)

    def _settle(self, outcome: Object | Refusal) -> None:
        self.settled = outcome
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback(outcome)


def innermost(target: Object) -> Object:
    """What a promise has become, as far as that is known; another object is itself."""
    while isinstance(target, Promise) and isinstance(target.settled, Object):
        target = target.settled
    return target
