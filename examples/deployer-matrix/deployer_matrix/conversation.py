"""Saying it, once: the message of a deployment, its edits, and what is added below it.

What is sent has a transaction id that follows from what is to be said. A homeserver answers an id that it knows with the
event that it made then: whoever was killed before it could remember that it had said something says it again, and it
does not stand there twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from core.api import News, OperationError
from deployer_matrix import messages
from deployer_matrix.client import Homeserver, Refused

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Said:
    """What was said of one key, as the deployer remembers it.

    :ivar event: the message; empty: there is none yet.
    :ivar turns: how many times something was sent.
    :ivar shown: a digest of what the message shows.
    :ivar added: a digest of what was last added below it.
    """

    room: str
    event: str = ""
    turns: int = 0
    shown: str = ""
    added: str = ""

    @classmethod
    def read(cls, memory: Mapping[str, str], room: str) -> Said:
        """What is remembered; nothing, if that was in another room."""
        if memory.get("room") != room:
            return cls(room)
        turns = memory.get("turns", "")
        number = int(turns) if turns.isdecimal() else 0
        return cls(room, memory.get("event", ""), number, memory.get("shown", ""), memory.get("added", ""))

    def kept(self) -> Mapping[str, str]:
        return {
            "room": self.room,
            "event": self.event,
            "turns": str(self.turns),
            "shown": self.shown,
            "added": self.added,
        }


async def find(server: Homeserver, room: str) -> str:
    """The id of a room that is named by its alias or its id.

    :raises OperationError: there is no room of that name.
    """
    if not room.startswith("#"):
        return room
    found = await server.ask("directory", "room", room)
    if not found or not isinstance(found.get("room_id"), str):
        raise OperationError(f"{server.host} knows no room {room}: correct the option `room`")
    return str(found["room_id"])


async def tell(
    server: Homeserver, named: str, news: News, memory: Mapping[str, str], *, begin: bool
) -> Mapping[str, str] | None:
    """Say it, or change what was said.

    :param named: the room, as the option names it.
    :param begin: whether it is worth a message, where there is none.
    :returns: what to remember; None: nothing was said.
    :raises OperationError: it cannot be said; says what to do.
    """
    room = Room(server, named, await find(server, named))
    said = Said.read(memory, room.id)
    content = messages.message(news)
    shown, added = said.shown, said.added
    event = said.event if said.event and await room.content(said.event) else ""
    if not event:
        if not begin:
            return None
        event = await room.send(content, _transaction(room, news, "message", str(said.turns)))
        # Somebody who was killed then may have said it already, when it was other news.
        standing = await room.content(event) or {}
        shown, added = digest({name: standing.get(name) for name in content}), ""
    first = not said.event and shown == digest(content)
    if shown != digest(content):
        replaced = _transaction(room, news, "edit", event, str(said.turns), digest(content))
        await room.send(messages.edit(content, event), replaced)
    more = messages.reply(news, event)
    # That a service is well again is told by the message itself, where that is the first that is said of it.
    if more and digest(more) != added and not (first and not news.commit):
        added = digest(more)
        await room.send(more, _transaction(room, news, "reply", event, str(said.turns), added))
    return Said(room.id, event, said.turns + 1, digest(content), added).kept()


class Room:
    """A room that the bot is in, or joins when it is needed there.

    :param named: as the option names it: an alias tells which server to ask about it.
    """

    def __init__(self, server: Homeserver, named: str, id: str) -> None:
        self._server, self._named, self.id = server, named, id

    async def send(self, content: Mapping[str, Any], transaction: str) -> str:
        """Send a message; answer its event.

        :raises OperationError: it cannot be sent; says what to do.
        """
        path = ("rooms", self.id, "send", "m.room.message", transaction)
        answer = await self._inside(lambda: self._server.do("PUT", *path, body=content))
        return str(answer["event_id"])

    async def content(self, event: str) -> Mapping[str, Any] | None:
        """What a message said when it was sent; None: it was removed, or cannot be seen any more."""
        answer = await self._inside(lambda: self._server.ask("rooms", self.id, "event", event))
        content = answer.get("content") if answer else None
        return content if isinstance(content, dict) and content else None

    async def _inside(self, work: Callable[[], Awaitable[Answer]]) -> Answer:
        try:
            return await work()
        except Refused as error:
            if error.code != "M_FORBIDDEN":
                raise
        await self._join()
        try:
            return await work()
        except Refused as error:
            if error.code != "M_FORBIDDEN":
                raise
            raise OperationError(
                f"{await self._server.me()} may not write in {self._named}: give it the power level that messages need "
                f"there ({error.said})"
            ) from None

    async def _join(self) -> None:
        try:
            await self._server.do("POST", "join", self._named, body={})
        except Refused as error:
            raise OperationError(
                f"{await self._server.me()} is not in {self._named} and may not join it: invite it, or correct the option "
                f"`room` ({error.said})"
            ) from None


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:40]


def _transaction(room: Room, news: News, *what: str) -> str:
    """Name what is to be sent: the same after a crash, and another for all else that this bot ever sends.

    The page of the job tells deployers apart that have the same flavour and share a bot.
    """
    about = (room.id, news.flavour, news.key, news.url, news.commit.hash if news.commit else "")
    return f"deployer-{digest([*about, *what])}"
