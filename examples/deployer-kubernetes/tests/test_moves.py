"""Moves: what the log tells of them, what becomes of those that fail, and what somebody else does meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.api import Health, Waiting
from core.testing.logs import RecordingLog

from .acting import Moves, image, place
from .world import World, release

SHOP, NEXT = release("shop"), release("shop-next")


async def test_the_log_tells_how_far_a_rollout_is(moves: Moves) -> None:
    await moves.to(NEXT)
    notes = moves.log.notes
    assert notes[0].endswith(f"/shop runs {SHOP.reference}; moving web to {NEXT.reference}")
    assert notes[1] == (
        "given up after 900 s (`timeout`), or when nothing goes on for 10 s (`progressDeadlineSeconds`)"
    )
    assert "1 of 1 pods are new, 1 old are left" in notes
    assert notes[-1].endswith(f"/shop runs {NEXT.reference}")
    assert await moves.seen() == (NEXT.digest, Health.HEALTHY)


async def test_an_image_that_nobody_published_is_moved_back_with_the_reason(moves: Moves) -> None:
    failure = await moves.fails(release("missing"))
    assert "ImagePullBackOff" in str(failure) or "ErrImagePull" in str(failure)
    assert "nothing went on for 10 s (`progressDeadlineSeconds`)" in str(failure)
    assert str(failure).endswith(f"It was moved back and runs {SHOP.reference} again")
    assert (failure.running, failure.unhealthy) == (SHOP.digest, True)
    assert await moves.seen() == (SHOP.digest, Health.HEALTHY)


async def test_the_last_lines_of_a_container_that_crashes_are_in_the_log(moves: Moves) -> None:
    failure = await moves.fails(release("crashes"))
    assert "web ended with exit code 3" in moves.log.text or "it ended with exit code 3" in moves.log.text
    assert "reading /etc/shop.conf\n" in moves.log.text
    assert "cannot open the database: no such host\n" in moves.log.text
    assert failure.running == SHOP.digest


async def test_what_is_never_ready_is_given_up_in_time(moves: Moves) -> None:
    failure = await moves.fails(release("never-ready"))
    assert "1 of 1 pods are new, 1 old are left" in moves.log.text
    assert failure.running == SHOP.digest
    assert failure.unhealthy


async def test_a_rollout_that_takes_too_long_is_moved_back(moves: Moves, world: World) -> None:
    """By the declaration's word, whatever the Deployment itself allows."""
    world.edit({"spec": {"progressDeadlineSeconds": 600}})
    moves.service = place(world, timeout=10)
    failure = await moves.fails(release("never-ready"))
    assert "it took more than 10 s (`timeout` of the service's options)" in str(failure)
    assert str(failure).endswith(f"It was moved back and runs {SHOP.reference} again")
    assert failure.running == SHOP.digest


async def test_what_somebody_else_changed_meanwhile_stays(moves: Moves, world: World) -> None:
    """More pods, in the moment between the deployer's look and its change: it looks again, and they stay."""
    world.before_patch(lambda: world.edit({"spec": {"replicas": 2}}))
    await moves.to(NEXT)
    assert any(note.endswith("was changed meanwhile; it is read again") for note in moves.log.notes)
    observed = await moves.deployer.observe(moves.service, Path())
    assert (observed.digest, observed.detail) == (NEXT.digest, "2 of 2 pods are available")


async def test_an_image_that_somebody_else_set_meanwhile_is_not_overwritten(moves: Moves, world: World) -> None:
    other = release("never-ready")
    world.before_patch(lambda: world.edit(image(other)))
    failure = await moves.fails(NEXT)
    assert f"somebody else moved {world.name}/shop to {other.reference} meanwhile" in str(failure)
    assert not failure.unhealthy


async def test_an_image_that_somebody_else_sets_during_a_rollout_is_not_overwritten(moves: Moves, world: World) -> None:
    def interfere(note: str) -> None:
        if note.startswith("given up after"):
            return
        if "pods" in note and not interfered:
            interfered.append(note)
            world.edit(image(SHOP))

    interfered: list[str] = []
    moves.log = RecordingLog(interfere)
    failure = await moves.fails(NEXT)
    assert f"somebody else moved {world.name}/shop to {SHOP.reference} meanwhile" in str(failure)


async def test_a_move_goes_on_where_a_killed_process_left_it(moves: Moves) -> None:
    """The runner is gone after its change, and knows nothing more: what it did is in the cluster."""
    with pytest.raises(Waiting):
        await moves.to(NEXT, stopping=lambda: True)
    await moves.to(NEXT, attempt=2)
    assert sum("moving web to" in note for note in moves.log.notes) == 1
    assert any("is to run" in note and "goes on from there" in note for note in moves.log.notes)
    assert await moves.seen() == (NEXT.digest, Health.HEALTHY)


async def test_a_move_that_a_killed_process_took_back_is_not_tried_again(moves: Moves) -> None:
    first = await moves.fails(release("crashes"))
    again = await moves.fails(release("crashes"), attempt=2)
    assert "was moved back while nobody watched" in str(again)
    assert "exit code 3" in str(again)
    assert (again.running, again.unhealthy) == (first.running, True) == (SHOP.digest, True)


async def test_a_person_may_try_it_again(moves: Moves) -> None:
    """What was moved back is no reason not to be asked for once more: that is another job, in its first attempt."""
    await moves.fails(release("missing"))
    failure = await moves.fails(release("missing"))
    assert "nothing went on" in str(failure)


async def test_a_stopped_runner_leaves_the_rollout_to_the_cluster(moves: Moves) -> None:
    asked: list[bool] = []

    def stopping() -> bool:
        return bool(asked)

    def stop(note: str) -> None:
        if "pods" in note:
            asked.append(True)
            move.cancel()

    moves.log = RecordingLog(stop)
    move = asyncio.create_task(moves.to(NEXT, stopping=stopping))
    await asyncio.wait({move})
    assert move.cancelled()
    assert moves.log.notes[-1].startswith("the runner is being stopped")
    await moves.to(NEXT, attempt=2)
    assert await moves.seen() == (NEXT.digest, Health.HEALTHY)


async def test_a_cluster_that_goes_away_in_the_middle_is_waited_for(moves: Moves, world: World) -> None:
    moves.log = RecordingLog(lambda note: world.go_silent(3) if note.startswith("1 of 1 pods are new") else None)
    await moves.to(NEXT)
    (note,) = [note for note in moves.log.notes if "trying again" in note]
    assert "cannot be reached" in note
    assert await moves.seen() == (NEXT.digest, Health.HEALTHY)


async def test_a_release_is_not_to_blame_where_no_node_takes_its_pods(moves: Moves, world: World) -> None:
    world.edit({"spec": {"template": {"spec": {"nodeSelector": {"disk": "fast"}}}}})
    failure = await moves.fails(NEXT)
    assert "no node takes it: 0/1 nodes are available" in str(failure)
    assert (failure.running, failure.unhealthy) == (SHOP.digest, False)


async def test_nothing_is_moved_back_where_that_is_not_wanted(moves: Moves, world: World) -> None:
    options = moves.deployer.Options(namespace=world.name, move_back=False)
    moves.service = replace(moves.service, options=options)
    failure = await moves.fails(release("crashes"))
    assert "It stays half-way, as the option `move_back` is off" in str(failure)
    assert failure.running == SHOP.digest


async def test_more_pods_than_one_are_moved(moves: Moves, world: World) -> None:
    world.edit({"spec": {"replicas": 3}})
    world.settle()
    await moves.to(NEXT)
    observed = await moves.deployer.observe(moves.service, Path())
    assert (observed.digest, observed.detail) == (NEXT.digest, "3 of 3 pods are available")


async def test_no_pods_are_moved_at_once(moves: Moves, world: World) -> None:
    world.edit({"spec": {"replicas": 0}})
    world.settle()
    await moves.to(NEXT)
    assert moves.log.notes[-1] == "scaled to 0: nothing runs"
    assert await moves.seen() == (NEXT.digest, Health.ABSENT)


async def test_a_paused_deployment_says_how_to_go_on(moves: Moves, world: World) -> None:
    world.edit({"spec": {"paused": True}})
    failure = await moves.fails(NEXT)
    assert f"`kubectl rollout resume deployment/shop --namespace {world.name}`" in str(failure)
    assert failure.running == SHOP.digest
    assert (await moves.deployer.observe(moves.service, Path())).drift == "its rollouts are paused"


async def test_a_deployment_that_is_removed_meanwhile_fails(moves: Moves, world: World) -> None:
    moves.log = RecordingLog(lambda note: world.delete() if "pods" in note else None)
    assert f"has no Deployment {world.name}/shop" in str(await moves.fails(NEXT))
