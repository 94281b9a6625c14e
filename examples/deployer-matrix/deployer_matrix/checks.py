"""What `manage.py doctor` finds out about a room, without saying or changing anything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from core.api import Finding, OperationError
from deployer_matrix.client import Homeserver, Refused
from deployer_matrix.conversation import find
from deployer_matrix.options import MatrixOptions

#: Room states whose homeserver lets everybody who asks in.
_OPEN = ("public",)


async def findings(server: Homeserver, options: MatrixOptions) -> AsyncIterator[Finding]:
    """Test the homeserver, the token, the room, and what the bot may do there.

    :raises OperationError: the first of them that stands in the way of all others; says what to do.
    """
    await _speaks_matrix(server)
    me, room = await server.me(), await find(server, options.room)
    yield Finding(level="ok", text=f"{server.host} knows the bot as {me}")
    joined = (await server.ask("joined_rooms") or {}).get("joined_rooms")
    if not isinstance(joined, list) or room not in joined:
        yield await _outside(server, me, options.room)
        return
    rules = await server.ask("rooms", room, "state", "m.room.power_levels") or {}
    own, needed = (
        _level(rules, "users", me, "users_default"),
        _level(rules, "events", "m.room.message", "events_default"),
    )
    if own < needed:
        # Who made a room of a newer kind may do everything without standing in its list: it may be all right.
        yield Finding(
            level="warning",
            text=f"{me} is in {options.room}, and its power level {own} is too low for messages, which need {needed}",
            remedy=f"Give {me} the power level {needed} in {options.room}.",
        )
    else:
        yield Finding(level="ok", text=f"{me} is in {options.room}")
    if await server.ask("rooms", room, "state", "m.room.encryption"):
        yield Finding(
            level="warning",
            text=f"{options.room} is encrypted, and what the bot says there is not: the homeserver can read it",
            remedy="Tell of deployments in a room that is not encrypted, if that matters.",
        )


async def _speaks_matrix(server: Homeserver) -> None:
    """:raises OperationError: nobody answers there, or no homeserver; names the one that is meant, where that is told."""
    try:
        told = await server.ask("versions", below="_matrix/client") or {}
    except OperationError as error:
        if meant := await _meant(server):
            raise OperationError(f"{error}. {server.host} says that its homeserver is {meant}") from None
        raise
    if not isinstance(told.get("versions"), list):
        raise OperationError(f"{server.host} is no homeserver of Matrix: correct the option `homeserver`")


async def _meant(server: Homeserver) -> str:
    try:
        told = await server.ask("client", below=".well-known/matrix") or {}
    except OperationError:
        return ""
    place = told.get("m.homeserver")
    return str(place.get("base_url", ""))[:200] if isinstance(place, dict) else ""


async def _outside(server: Homeserver, me: str, room: str) -> Finding:
    summary = await _summary(server, room)
    if summary.get("membership") == "invite" or summary.get("join_rule") in _OPEN:
        return Finding(level="ok", text=f"{me} is not in {room} yet: it joins it when something is said")
    return Finding(level="error", text=f"{me} is not in {room}", remedy=f"Invite {me} to {room}; it joins by itself.")


async def _summary(server: Homeserver, room: str) -> Mapping[str, Any]:
    """What can be seen of a room from outside. Homeservers older than Matrix 1.15 do not tell."""
    try:
        return await server.ask("room_summary", room, below="_matrix/client/v1") or {}
    except Refused:
        return {}


def _level(rules: Mapping[str, Any], table: str, name: str, otherwise: str) -> int:
    special = rules.get(table)
    value = special.get(name) if isinstance(special, dict) else None
    value = rules.get(otherwise, 0) if value is None else value
    return value if isinstance(value, int) else 0
