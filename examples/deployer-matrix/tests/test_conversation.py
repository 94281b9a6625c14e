"""One message for each deployment in a real room, edited as it goes on, and never twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conftest import Ops
from deployer_matrix.notifier import MatrixNotifier
from news import DONE, FAILED, HEALTHY, RUNNING, UNHEALTHY, WAITING

from core.api import Commit, News


async def tell(ops: Ops, *news: News, memory: Mapping[str, str] | None = None, **options: object) -> Mapping[str, str]:
    """Tell news of one key, one after the other, as the deployer does; what is remembered then."""
    kept = memory or {}
    for each in news:
        answer = await MatrixNotifier().notify(each, ops.options(**options), kept)
        kept = kept if answer is None else answer
    return kept


def bodies(ops: Ops) -> list[str]:
    return [content["body"] for content in ops.alice.sees(ops.room)]


async def test_a_deployment_is_one_message_that_is_edited(ops: Ops) -> None:
    await tell(ops, RUNNING)
    (said,) = ops.alice.sees(ops.room)
    assert "It is being moved." in said["body"]
    await tell(ops, RUNNING, DONE)
    (said,) = ops.alice.sees(ops.room)
    assert "It is live." in said["body"]
    assert "took 8 s" in said["body"]
    assert len(ops.alice.events(ops.room)) == 2


async def test_a_failure_is_added_below_for_all_to_hear(ops: Ops) -> None:
    await tell(ops, RUNNING)
    quiet = ops.alice.called(ops.room)
    await tell(ops, RUNNING, FAILED)
    message, reply = ops.alice.events(ops.room)[0], ops.alice.sees(ops.room)[1]
    assert "It was not moved." in bodies(ops)[0]
    assert "it is not healthy: 500" in reply["body"]
    assert reply["m.relates_to"] == {"m.in_reply_to": {"event_id": message["event_id"]}}
    # A notice and its edits make no sound; the text does.
    assert [quiet, ops.alice.called(ops.room)] == [(0, 0), (1, 0)]


async def test_a_recovery_is_heard_and_an_ordinary_success_is_not(ops: Ops) -> None:
    await tell(ops, RUNNING, DONE)
    assert len(bodies(ops)) == 1
    await tell(ops, replace(DONE, key="deployment-8", recovered=True))
    assert "The move before this one had failed." in bodies(ops)[-1]


async def test_a_service_that_is_unhealthy_is_heard_of_and_that_it_is_well_again(ops: Ops) -> None:
    await tell(ops, UNHEALTHY, HEALTHY)
    first, then = bodies(ops)
    assert "shop is healthy again" in first
    assert "is well again" in then
    assert ops.alice.called(ops.room) == (2, 0)


async def test_what_holds_it_back_is_told_each_time_that_it_changes(ops: Ops) -> None:
    freeze, lock = "freeze on Fri 16:00: nobody is here", "a lock by alice: the till is counted"
    held = replace(WAITING, holds=(freeze,))
    memory = await tell(ops, held, replace(held, holds=(lock,)), held, held)
    told = bodies(ops)
    assert [freeze in each for each in told[1:]] == [True, False, True]
    assert lock in told[2]
    await tell(ops, DONE, memory=memory)
    assert len(bodies(ops)) == 4


async def test_nothing_is_sent_where_nothing_that_is_shown_has_changed(ops: Ops) -> None:
    memory = await tell(ops, RUNNING)
    await tell(ops, replace(RUNNING, image="shop@sha256:0"), memory=memory)
    assert len(ops.alice.events(ops.room)) == 1


async def test_whoever_is_killed_before_it_is_remembered_says_nothing_twice(ops: Ops) -> None:
    memory = await tell(ops, FAILED)
    await tell(ops, FAILED)
    assert len(ops.alice.events(ops.room)) == 2
    gone_on = replace(FAILED, reason="another reason")
    await tell(ops, gone_on, memory=memory)
    await tell(ops, gone_on, memory=memory)
    assert len(ops.alice.events(ops.room)) == 3


async def test_what_is_new_after_a_kill_is_shown_by_the_message_that_stands_already(ops: Ops) -> None:
    await tell(ops, RUNNING)
    await tell(ops, DONE, memory={})
    (said,) = bodies(ops)
    assert "It is live." in said


async def test_the_same_again_later_is_no_repetition(ops: Ops) -> None:
    """A deployment that is done again goes through the same states: each edit is one of its own."""
    await tell(ops, RUNNING, WAITING, RUNNING, WAITING)
    assert "It waits for approval." in bodies(ops)[0]


async def test_two_deployers_that_share_a_bot_and_a_flavour_have_messages_of_their_own(ops: Ops) -> None:
    await tell(ops, RUNNING)
    await tell(ops, replace(RUNNING, url="https://staging.example.org/jobs/1/"))
    assert len(bodies(ops)) == 2


async def test_a_message_that_somebody_removed_is_said_anew(ops: Ops) -> None:
    memory = await tell(ops, RUNNING)
    ops.alice.ask("PUT", "rooms", ops.room, "redact", memory["event"], "1", body={})
    memory = await tell(ops, DONE, memory=memory)
    (said,) = bodies(ops)
    assert "It is live." in said
    await tell(ops, FAILED, memory=memory)
    assert len(bodies(ops)) == 2


async def test_another_room_begins_anew(ops: Ops) -> None:
    memory = await tell(ops, RUNNING)
    other = ops.alice.room(preset="private_chat")
    ops.alice.invite(ops.bot, other)
    await tell(ops, DONE, memory=memory, room=other)
    assert "It is being moved." in bodies(ops)[0]
    assert "It is live." in ops.alice.sees(other)[0]["body"]


async def test_only_what_is_asked_for_begins_a_message(ops: Ops) -> None:
    assert await tell(ops, RUNNING, DONE, say=["failed"]) == {}
    await tell(ops, FAILED, DONE, say=["failed"])
    assert "It is live." in bodies(ops)[0]


async def test_a_room_is_joined_when_something_is_said_there(ops: Ops) -> None:
    ops.alice.ask("PUT", "directory", "room", "#deployments:example.test", body={"room_id": ops.room})
    assert not ops.bot.is_in(ops.room)
    await tell(ops, RUNNING, room="#deployments:example.test")
    assert ops.bot.is_in(ops.room)
    assert len(bodies(ops)) == 1
    ops.alice.ask("DELETE", "directory", "room", "#deployments:example.test")


async def test_an_alias_leads_to_the_room_that_took_the_place_of_the_one_before(ops: Ops) -> None:
    alias = "#upgraded:example.test"
    old = ops.alice.room(preset="public_chat", room_alias_name="upgraded", room_version="11")
    memory = await tell(ops, RUNNING, room=alias)
    new = ops.alice.ask("POST", "rooms", old, "upgrade", body={"new_version": "12"})["replacement_room"]
    await tell(ops, DONE, memory=memory, room=alias)
    assert "It is live." in ops.alice.sees(new)[0]["body"]


async def test_a_commit_calls_nobody_and_sets_nothing(ops: Ops) -> None:
    ops.alice.ask(
        "PUT",
        "rooms",
        ops.room,
        "state",
        "m.room.power_levels",
        body={"notifications": {"room": 0}, "users_default": 0},
    )
    name = ops.alice.id.partition(":")[0].lstrip("@")
    hostile = f"@room {name} {ops.alice.id} <b onclick='x'>&amp; <img src=x>\u202egnp.exe\u0000 `$(id)`"
    news = replace(
        FAILED,
        commit=Commit(hash="b" * 40, message=hostile),
        reason=f"{hostile}\n✅ all is well",
        service=hostile,
        commit_url="javascript:alert(1)",
        uri='https://x.example/"><script>',
    )
    await tell(ops, news)
    message, reply = ops.alice.sees(ops.room)
    for content in (message, reply):
        assert not set("\u202e\0") & set(content["body"])
        assert "<b" not in content["formatted_body"].replace("<br>", "")
        assert "<img" not in content["formatted_body"]
        assert "<script" not in content["formatted_body"]
        assert "javascript:" not in content["formatted_body"]
    # What was said stands on its own line: nothing that looks like a line of ours begins one.
    assert not [line for line in reply["body"].splitlines() if line.startswith("✅")]
    # One message that makes a sound, and nobody by name.
    assert ops.alice.called(ops.room) == (1, 0)


async def test_the_longest_texts_there_are_fit_into_a_message(ops: Ops) -> None:
    long = '"' * 50_000 + "🎉" * 50_000
    address = f"https://example.org/{'&' * 470}"
    news = replace(
        WAITING,
        commit=Commit(hash="c" * 64, message="🎉" * 10 + long),
        service='"' * 90 + long,
        repository='"' * 90 + long,
        asked_by=long,
        holds=tuple(f"{number}{'🎉' * 20}{long}" for number in range(100)),
        reason=long,
        commit_url=f"{address}1",
        url=f"{address}2",
        service_url=f"{address}3",
        uri=f"{address}4",
    )
    memory = await tell(ops, news, replace(news, holds=(), waiting=False, state="failed"))
    about = replace(UNHEALTHY, text=long, url=f"{address}1", service_url=f"{address}2", uri=f"{address}3")
    await tell(ops, about, replace(about, text=f"again {long}"))
    assert memory["turns"] == "2"
    assert len(bodies(ops)) == 4
