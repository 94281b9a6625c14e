"""The doctor tells what is in the way before something has to be said, and changes nothing."""

from __future__ import annotations

import json

import pytest
from conftest import Ops
from deployer_matrix.notifier import MatrixNotifier
from deployer_matrix.options import MatrixOptions
from test_trouble import Secrets, answering

from core.api import Finding, OperationError


async def found(options: MatrixOptions) -> list[Finding]:
    return [each async for each in MatrixNotifier().check(options)]


async def test_an_invitation_is_enough_and_not_taken_up(ops: Ops) -> None:
    *_, last = await found(ops.options())
    assert last.level == "ok"
    assert "joins it when something is said" in last.text
    assert not ops.bot.is_in(ops.room)


async def test_a_public_room_needs_no_invitation(ops: Ops) -> None:
    room = ops.alice.room(preset="public_chat")
    assert [each.level for each in await found(ops.options(room=room))] == ["ok", "ok"]


async def test_whom_to_invite_is_told(ops: Ops) -> None:
    room = ops.alice.room(preset="private_chat")
    *_, last = await found(ops.options(room=room))
    assert (last.level, last.remedy) == ("error", f"Invite {ops.bot.id} to {room}; it joins by itself.")


async def test_a_room_that_it_is_in_is_all_right(ops: Ops) -> None:
    ops.bot.join(ops.room)
    assert [each.level for each in await found(ops.options())] == ["ok", "ok"]


async def test_a_power_level_that_is_too_low_is_told(ops: Ops) -> None:
    ops.bot.join(ops.room)
    ops.alice.ask("PUT", "rooms", ops.room, "state", "m.room.power_levels", body={"events_default": 50})
    *_, last = await found(ops.options())
    assert (last.level, last.remedy) == ("warning", f"Give {ops.bot.id} the power level 50 in {ops.room}.")


async def test_an_encrypted_room_is_told_of(ops: Ops) -> None:
    ops.bot.join(ops.room)
    body = {"algorithm": "m.megolm.v1.aes-sha2"}
    ops.alice.ask("PUT", "rooms", ops.room, "state", "m.room.encryption", body=body)
    *_, last = await found(ops.options())
    assert last.level == "warning"
    assert "encrypted" in last.text


async def test_the_address_of_the_people_is_told_from_that_of_the_homeserver(secrets: Secrets) -> None:
    """`example.org` names people there; where its homeserver is, it says in a file."""
    secrets("matrix_token", "syt_token")
    told = json.dumps({"m.homeserver": {"base_url": "https://matrix.example.org"}}).encode()
    with answering(404, b"<h1>Not found</h1>", there={"/.well-known/matrix/client": told}) as address:
        said = await _stopped(address)
    assert "its homeserver is https://matrix.example.org" in said


async def test_what_is_no_homeserver_is_told(secrets: Secrets) -> None:
    secrets("matrix_token", "syt_token")
    with answering(200, b'{"status": "up"}') as address:
        assert "is no homeserver of Matrix: correct the option `homeserver`" in await _stopped(address)


async def _stopped(address: str) -> str:
    with pytest.raises(OperationError) as raised:
        await found(MatrixOptions(homeserver=address, room="#deployments:example.org"))
    return str(raised.value)
