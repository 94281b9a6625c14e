"""The laws of the pipeline, for generated declarations and histories. `HYPOTHESIS_PROFILE=slow` looks much longer.

A history is a list of what happens outside, of looks, of what runners do and lose, and of what people ask for; `world.py`
plays it. The first laws hold in whatever state it ends; the others are about all that happened on the way, and about
where it comes to rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeVar

from hypothesis import given
from hypothesis import strategies as st

from core.pipeline.evaluate import Evaluation, NodeState, Status, evaluate
from core.pipeline.facts import RecipeFact, Result, Snapshot
from core.pipeline.graph import NodeKind, build
from core.pipeline.operations import Build, Deploy, Publish
from core.states import JobState, Purpose, Rollout
from tests.core.pipeline.events import Event
from tests.core.pipeline.rows import Fate, Start
from tests.core.pipeline.strategies import History, crashes, fates, histories, looks, outside
from tests.core.pipeline.world import World

_T = TypeVar("_T")


def started(evaluation: Evaluation) -> set[str]:
    return {operation.fingerprint for operation in evaluation.start}


# One evaluation


@given(histories())
def test_doing_what_an_evaluation_says_leaves_nothing_to_say(history: History) -> None:
    world = history.play()
    world.look_at_everything()
    again = evaluate(world.snapshot())
    asked = {job.id for job in world.jobs if job.cancel_asked}
    # A job that runs was asked to end, and ends when its runner hears of it.
    assert (list(again.start), {cancel.job for cancel in again.cancel} - asked) == ([], set())


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_what_is_known_changes_nothing(history: History, random: Random) -> None:
    snapshot = history.play().snapshot()
    one, other = evaluate(snapshot), evaluate(_shuffled(snapshot, random))
    assert one.states == other.states
    assert started(one) == started(other)
    assert set(one.cancel) == set(other.cancel)


def _shuffled(snapshot: Snapshot, random: Random) -> Snapshot:
    def mixed(these: Sequence[_T]) -> list[_T]:
        return random.sample(list(these), len(these))

    def recipe(fact: RecipeFact) -> RecipeFact:
        # The services of a target are in the order in which they move.
        mixes = {target.id: target.rollout is Rollout.TOGETHER for target in fact.targets}
        targets = [
            replace(target, services=mixed(target.services)) if mixes[target.id] else target for target in fact.targets
        ]
        return replace(fact, targets=mixed(targets), args=dict(mixed(list(fact.args.items()))))

    return replace(
        snapshot,
        recipes=mixed([recipe(each) for each in snapshot.recipes]),
        refs=mixed(snapshot.refs),
        inputs=dict(mixed(list(snapshot.inputs.items()))),
        results=dict(mixed(list(snapshot.results.items()))),
        active=mixed(snapshot.active),
    )


@given(histories())
def test_looking_at_a_part_says_of_it_what_looking_at_everything_says(history: History) -> None:
    world = history.play()
    whole = evaluate(world.snapshot())
    cancel = set(evaluate(world.snapshot([])).cancel)
    for name in world.refs:
        part = evaluate(world.snapshot([name]))
        assert part.states == {id: whole.states[id] for id in part.graph.nodes}
        assert started(part) == started(whole) & set(part.graph.fingerprints())
        assert set(part.cancel) <= set(whole.cancel)
        cancel |= set(part.cancel)
    assert cancel == set(whole.cancel), "what no part cancels is never cancelled"


@given(histories(most=4))
def test_whatever_is_not_done_says_why(history: History) -> None:
    for state in evaluate(history.play().snapshot()).states.values():
        assert bool(state.reason) == (state.status is not Status.DONE)


@given(histories(most=4))
def test_each_node_comes_after_all_that_it_needs(history: History) -> None:
    seen: set[str] = set()
    for id, node in build(history.play().snapshot()).nodes.items():
        assert seen.issuperset(node.after)
        seen.add(id)


@given(histories(most=4))
def test_no_check_build_has_an_image_and_every_release_build_has(history: History) -> None:
    for node in build(history.play().snapshot()).nodes.values():
        if isinstance(node.operation, Build):
            release = node.kind is NodeKind.BUILD
            assert (node.operation.purpose is Purpose.RELEASE) == release
            assert (node.operation.image is not None) == release


@given(histories(most=4))
def test_a_build_of_an_untrusted_commit_is_never_the_same_as_one_of_a_trusted_commit(history: History) -> None:
    snapshot = history.play().snapshot()
    strangers = build(replace(snapshot, refs=[replace(ref, trusted=False) for ref in snapshot.refs]))
    friends = build(replace(snapshot, refs=[replace(ref, trusted=True) for ref in snapshot.refs]))
    for id, node in strangers.nodes.items():
        if node.kind is NodeKind.CHECK and node.operation:
            friendly = friends.nodes[id].operation
            assert friendly
            assert friendly.fingerprint != node.operation.fingerprint


@given(histories(most=4))
def test_a_commit_is_trusted_when_anybody_with_write_access_chose_it(history: History) -> None:
    snapshot = history.play().snapshot()
    trusted = {ref.commit for ref in snapshot.refs if ref.trusted}
    for node in build(snapshot).nodes.values():
        if node.kind is NodeKind.CHECK and isinstance(node.operation, Build):
            assert node.operation.trusted == (node.commit in trusted)


# A whole history. That no two jobs run beside each other that must not is checked by the world at each start.


@given(histories())
def test_a_service_never_has_two_active_deployments(history: History) -> None:
    world = history.begin()
    for event in history.events:
        event.happen(world)
        services = [job.exclusive for job in world.active_jobs() if isinstance(job.operation, Deploy)]
        assert len(services) == len(set(services))


@given(histories())
def test_a_target_never_has_two_active_publications_and_its_tag_never_goes_back(history: History) -> None:
    world = history.begin()
    for event in history.events:
        event.happen(world)
        targets = [job.operation.target for job in world.active_jobs() if isinstance(job.operation, Publish)]
        assert len(targets) == len(set(targets))
    heads: defaultdict[int, int] = defaultdict(int)
    for tag in world.tags:
        assert tag.head >= heads[tag.target]
        heads[tag.target] = tag.head


@given(histories())
def test_a_service_is_never_moved_before_those_ahead_of_it_run_the_same_release(history: History) -> None:
    for start in history.play().started:
        assert all(start.ahead), start


@given(histories())
def test_a_deployment_does_not_go_on_waiting_when_one_ahead_of_it_failed_or_was_taken_back(history: History) -> None:
    world = history.play()
    world.look_at_everything()
    live = {job.id: job.operation for job in world.active_jobs() if job.state is JobState.QUEUED}
    for job, operation in live.items():
        assert all(world.is_moved(each, operation) for each in world.ahead(operation)), job


@given(histories())
def test_nothing_is_started_before_all_that_it_needs_has_succeeded(history: History) -> None:
    for start in history.play().started:
        if isinstance(start.operation, Deploy) and start.operation.rollback:
            # It was published once, whatever became since of the builds that it was made of.
            continue
        assert set(start.needed) <= {JobState.SUCCEEDED}


@given(histories())
def test_a_rollback_only_goes_to_what_was_published(history: History) -> None:
    world = history.play()
    for start in world.started:
        if isinstance(start.operation, Deploy):
            assert start.operation.release in world.published


@given(histories())
def test_an_older_commit_never_overwrites_a_newer_one_unless_a_person_goes_back(history: History) -> None:
    newest: defaultdict[tuple[int, str], int] = defaultdict(int)
    for move in history.play().moves:
        if move.head is not None:
            # The branch may have been moved back: then the older commit became its head later.
            assert move.head >= newest[move.service, move.branch]
            newest[move.service, move.branch] = move.head


@given(histories())
def test_nothing_that_has_ended_is_started_again_without_a_reason(history: History) -> None:
    """What failed or was cancelled by a person is not tried again, what is done not done twice."""
    for start in history.play().started:
        assert _may_start(start), start


def _may_start(start: Start) -> bool:
    match start.before:
        case None:
            return True
        case Result(state=JobState.SUCCEEDED):
            return start.changes if isinstance(start.operation, Deploy) else start.remade
        case Result(state=JobState.CANCELLED, by_person=by_person):
            return not by_person or start.remade
        case _:
            return start.remade


# Where it comes to rest


@given(histories(), fates)
def test_it_always_comes_to_rest(history: History, fate: Fate) -> None:
    world = history.play()
    world.settle(fate)
    at_rest = {Status.DONE, Status.FAILED, Status.CANCELLED, Status.BLOCKED}
    assert {state.status for state in evaluate(world.snapshot()).states.values()} <= at_rest


@given(histories(), fates)
def test_looking_only_at_what_changed_misses_nothing(history: History, fate: Fate) -> None:
    world = history.play()
    world.settle(fate)
    everything = evaluate(world.snapshot())
    assert (list(everything.start), list(everything.cancel)) == ([], [])


@given(histories(), fates)
def test_at_rest_every_service_runs_what_it_should_or_something_is_in_its_way(history: History, fate: Fate) -> None:
    world = history.play()
    world.settle(fate)
    evaluation = evaluate(world.snapshot())
    for service, node in evaluation.graph.services().items():
        if evaluation.states[node.id].status is Status.DONE:
            assert _runs_what_it_should(world, evaluation, service)
        else:
            assert _in_the_way(evaluation, node.id)


def _runs_what_it_should(world: World, evaluation: Evaluation, service: int) -> bool:
    """The head's newest builds; or the release that a person went back to, away from that head."""
    target = world.declaration.services()[service]
    head, rollback = world.refs[target.ref].commit, world.rollbacks.get(service)
    if rollback and rollback.away_from == head:
        return world.running[service] == rollback.release
    published, wanted = (
        world.published[world.running[service]],
        evaluation.graph.nodes[f"release:{target.id}"].operation,
    )
    assert isinstance(wanted, Publish)
    newest = f"index of {sorted(world.newest_value(build) for build in wanted.builds.values())}"
    is_wanted = (published.commit, dict(published.builds)) == (head, dict(wanted.builds))
    return is_wanted and world.digests[service] == newest


def _in_the_way(evaluation: Evaluation, id: str) -> bool:
    """Whether a node, or one that it needs or comes after, failed, was cancelled or taken back, or lacks an input."""
    node, nodes = evaluation.graph.nodes[id], evaluation.graph.nodes
    if evaluation.states[id].status in (Status.FAILED, Status.CANCELLED) or node.missing:
        return True
    if any(nodes[before].rolled_back for before in node.behind):
        return True
    return any(_in_the_way(evaluation, before) for before in (*node.after, *node.behind))


@given(
    histories(st.tuples(st.one_of(outside, st.just(Event("work")))), most=16),
    st.lists(st.lists(st.one_of(looks, crashes), max_size=3), min_size=16, max_size=16),
    fates,
)
def test_looks_that_are_lost_repeated_or_reordered_change_nothing_in_the_end(
    history: History, noise: Sequence[Sequence[Event]], fate: Fate
) -> None:
    """Nor do crashes, nor how far the runners came between one event and the next."""
    prompt, careless = history.begin(), history.begin()
    for event, between in zip(history.events, noise, strict=False):
        for each in between:
            each.happen(careless)
        if event.verb == "work":
            careless.work(fate)
        else:
            event.happen(prompt)
            prompt.settle(fate)
            event.happen(careless)
    assert _rest(prompt, fate) == _rest(careless, fate)


def _rest(world: World, fate: Fate) -> dict[str, tuple[Status, str]]:
    """Where everything is in the end, and what each service runs then that is not in anything's way.

    A service behind one that failed is left out: it may have been moved before an order was declared.
    """
    world.settle(fate)
    evaluation = evaluate(world.snapshot())
    nodes, states = evaluation.graph.nodes, evaluation.states
    free = [id for id in nodes if all(states[each].status is Status.DONE for each in nodes[id].behind)]
    return {id: (states[id].status, _running(world, id, states[id])) for id in free}


def _running(world: World, id: str, state: NodeState) -> str:
    if not id.startswith("service:") or state.status is not Status.DONE:
        return ""
    return world.running[int(id.removeprefix("service:"))]
