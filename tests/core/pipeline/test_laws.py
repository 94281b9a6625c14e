from hypothesis import given, strategies as st

from core.pipeline.evaluate import Status, evaluate
from core.pipeline.facts import Snapshot
from core.pipeline.graph import NodeKind, build
from core.pipeline.operations import Deploy, Publish, Build
from core.states import JobState, Purpose
from tests.core.pipeline.strategies import *
from tests.core.pipeline.strategies import _picks
from dataclasses import replace


@given(histories())
def test_doing_what_an_evaluation_says_leaves_nothing_to_say(history):
    world = history.play()
    world.look_at_everything()
    again = evaluate(world.snapshot())
    asked = {job.id for job in world.jobs if job.cancel_asked}
    assert not again.start
    assert {c.job for c in again.cancel} <= asked


@given(histories(), st.randoms(use_true_random=False))
def test_order(history, random):
    world = history.play()
    s = world.snapshot()

    def sh(x):
        x = list(x)
        random.shuffle(x)
        return x

    def rec(r):
        return replace(r, targets=[replace(t, services=sh(t.services)) for t in sh(r.targets)])

    s2 = replace(
        s,
        recipes=[rec(r) for r in sh(s.recipes)],
        refs=sh(s.refs),
        results=dict(sh(s.results.items())),
        active=sh(s.active),
    )
    a, b = evaluate(s), evaluate(s2)
    assert a.states == b.states
    assert {o.fingerprint for o in a.start} == {o.fingerprint for o in b.start}
    assert set(a.cancel) == set(b.cancel)


@given(histories())
def test_part(history):
    world = history.play()
    whole = evaluate(world.snapshot())
    cancels = set(evaluate(world.snapshot([])).cancel)
    for name in world.refs:
        part = evaluate(world.snapshot([name]))
        assert part.states == {id: whole.states[id] for id in part.states}
        assert {o.fingerprint for o in part.start} == {o.fingerprint for o in whole.start} & set(
            part.graph.fingerprints()
        )
        assert set(part.cancel) <= set(whole.cancel)
        cancels |= set(part.cancel)
    assert cancels == set(whole.cancel)


@given(histories())
def test_builds(history):
    world = history.play()
    for s in world.started:
        if isinstance(s.operation, (Publish, Deploy)) and not getattr(s.operation, "rollback", False):
            assert all(x is JobState.SUCCEEDED for x in s.needed), s


@given(histories())
def test_older(history):
    world = history.play()
    last = {}
    for move in world.moves:
        if move.head is not None:
            key = move.service, move.branch
            assert last.get(key, 0) <= move.head
            last[key] = move.head


@given(histories())
def test_nofailed(history):
    world = history.play()
    for s in world.started:
        if s.before:
            assert (
                s.before.state is JobState.SUCCEEDED
                and isinstance(s.operation, Deploy)
                or s.before.state is JobState.CANCELLED
                and not s.before.by_person
            ), s


@given(histories(), fates)
def test_settles(history, fate):
    world = history.play()
    world.settle(fate)
    e = evaluate(world.snapshot())
    assert not e.start and not e.cancel
    for id, state in e.states.items():
        assert state.status in (Status.DONE, Status.FAILED, Status.CANCELLED, Status.BLOCKED)
        assert (state.status is Status.DONE) == (not state.reason)
    for service, node in e.graph.services().items():
        state = e.states[node.id]
        if state.status is Status.DONE:
            assert world.running[service] == node.operation.release



@given(histories(st.tuples(st.one_of(outside, st.just(Event("work")))), most=16), fates, st.data())
def test_looks(history, fate, data):
    world, other = history.begin(), history.begin()
    for e in history.events:
        if e.verb != "work":
            e.happen(world)
            world.settle(fate)
    world.settle(fate)
    for e in history.events:
        for l in data.draw(st.lists(st.one_of(looks, crashes), max_size=3)):
            l.happen(other)
        if e.verb == "work":
            other.work(fate)
        else:
            e.happen(other)
    other.settle(fate)
    a, b = evaluate(world.snapshot()), evaluate(other.snapshot())
    assert {id: s.status for id, s in a.states.items()} == {id: s.status for id, s in b.states.items()}
