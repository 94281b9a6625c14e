"""Who goes before whom, and how people are told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pipeline.evaluate import Cancel, Evaluation, Status, evaluate
from core.pipeline.facts import ActiveJob, Result, RollbackFact, ServiceFact, Snapshot
from core.pipeline.graph import build
from core.pipeline.plan import steps
from core.pipeline.rollout import ahead, behind, place
from core.states import JobState, Rollout
from tests.core.pipeline.facts import ONE, TWO, fingerprint, recipe, ref, result, results, service, snapshot, target

TOGETHER, IN_ORDER, CANARY = Rollout.TOGETHER, Rollout.IN_ORDER, Rollout.CANARY
DONE = JobState.SUCCEEDED


@pytest.mark.parametrize(
    ("rollout", "before", "after"),
    [
        pytest.param(TOGETHER, ["", "", ""], ["", "", ""], id="together nobody waits"),
        pytest.param(IN_ORDER, ["", "a", "ab"], ["bc", "c", ""], id="in order each waits for all before it"),
        pytest.param(CANARY, ["", "a", "a"], ["bc", "", ""], id="all wait for the canary"),
    ],
)
def test_who_waits_for_whom(rollout: Rollout, before: list[str], after: list[str]) -> None:
    assert ["".join(ahead(rollout, "abc", index)) for index in range(3)] == before
    assert ["".join(behind(rollout, "abc", index)) for index in range(3)] == after


@pytest.mark.parametrize(
    ("rollout", "soak", "names", "words"),
    [
        pytest.param(TOGETHER, 0, "ab", ["", ""], id="together there is nothing to say"),
        pytest.param(CANARY, 9, "a", [""], id="nor of one alone"),
        pytest.param(
            CANARY,
            60,
            "abc",
            [
                "the canary: it moves before the 2 others, and is watched for 60 s after its move",
                "it moves after the canary a",
                "it moves after the canary a",
            ],
            id="a canary",
        ),
        pytest.param(
            CANARY, 0, "ab", ["the canary: it moves before the 1 other", "it moves after the canary a"], id="no soak"
        ),
        pytest.param(
            IN_ORDER,
            60,
            "ab",
            [
                "number 1 of 2 that move one after another, and is watched for 60 s after its move",
                "number 2 of 2 that move one after another",
            ],
            id="in order nobody waits for the last",
        ),
    ],
)
def test_people_are_told_where_a_service_comes(rollout: Rollout, soak: int, names: str, words: list[str]) -> None:
    assert [place(rollout, soak, list(names), index) for index in range(len(names))] == words


# The graph and its states: services 1, 2 and 3 of one target, whose release is published.


def rolled_out(rollout: Rollout, *services: ServiceFact) -> Snapshot:
    these = services or [service(id, name=f"shop-{id}") for id in (1, 2, 3)]
    of = snapshot(recipes=[recipe(targets=[target(services=these, rollout=rollout)])])
    return replace(of, results=results(of, build=DONE, release=DONE))


def head_release() -> str:
    return fingerprint(build(snapshot()), "release:1")


def moved(id: int) -> ServiceFact:
    return service(id, name=f"shop-{id}", running=head_release())


def still(id: int, rollback: RollbackFact | None = None, running: str = "") -> ServiceFact:
    return service(id, name=f"shop-{id}", rollback=rollback, running=running)


def known(of: Snapshot, **states: JobState | Result) -> Evaluation:
    """Evaluate with the results of the services' deployments: `_1=DONE`; its job has the service's number."""
    graph = build(of)
    made = {
        fingerprint(graph, f"service:{id[1:]}"): state
        if isinstance(state, Result)
        else result(state, job=int(id[1:]), reason="it is not healthy" if state is JobState.FAILED else "")
        for id, state in states.items()
    }
    return evaluate(replace(of, results={**of.results, **made}))


def started(evaluation: Evaluation) -> list[str]:
    operations = {operation.fingerprint for operation in evaluation.start}
    return [
        id for id, node in evaluation.graph.nodes.items() if node.operation and node.operation.fingerprint in operations
    ]


def why(evaluation: Evaluation, id: int) -> str:
    state = evaluation.states[f"service:{id}"]
    return f"{state.status}: {state.reason}" if state.reason else str(state.status)


def test_together_all_start_at_once() -> None:
    assert started(evaluate(rolled_out(TOGETHER))) == ["service:1", "service:2", "service:3"]


def test_in_order_each_follows_the_one_before_it() -> None:
    evaluation = evaluate(rolled_out(IN_ORDER))
    assert started(evaluation) == ["service:1"]
    assert why(evaluation, 2) == why(evaluation, 3) == "blocked: waits for the service shop-1: it moves first"
    evaluation = known(rolled_out(IN_ORDER, moved(1), still(2), still(3)), _1=DONE)
    assert started(evaluation) == ["service:2"]
    assert why(evaluation, 3) == "blocked: waits for the service shop-2: it moves first"


def test_after_the_canary_all_others_follow_at_once() -> None:
    evaluation = known(rolled_out(CANARY), _1=JobState.RUNNING)
    assert started(evaluation) == []
    assert why(evaluation, 2) == why(evaluation, 3) == "blocked: waits for the canary shop-1: it moves first"
    evaluation = known(rolled_out(CANARY, moved(1), still(2), still(3)), _1=DONE)
    assert started(evaluation) == ["service:2", "service:3"]


def test_a_failure_stops_those_behind_it_and_says_so() -> None:
    evaluation = known(rolled_out(IN_ORDER, moved(1), still(2), still(3)), _1=DONE, _2=JobState.FAILED)
    assert (started(evaluation), why(evaluation, 2)) == ([], "failed: it is not healthy")
    assert why(evaluation, 3) == (
        "blocked: the service shop-2 failed: the others stay where they are until it is run again or a new commit is pushed"
    )
    assert evaluation.states["service:3"].job == 2


def test_what_a_person_cancelled_stops_those_behind_it() -> None:
    evaluation = known(rolled_out(CANARY), _1=result(JobState.CANCELLED, by_person=True))
    assert started(evaluation) == []
    assert why(evaluation, 2).startswith("blocked: the canary shop-1 was cancelled: the others stay where they are")


def test_one_behind_another_waits_as_well_for_those_further_ahead() -> None:
    # The second has been moved already: the order was declared later, or the first was moved away since.
    evaluation = known(rolled_out(IN_ORDER, still(1), moved(2), still(3)), _1=JobState.FAILED, _2=DONE)
    assert started(evaluation) == []
    assert (why(evaluation, 2), why(evaluation, 3).split(":")[1]) == ("done", " the service shop-1 failed")


def test_all_of_them_wait_for_the_release_first() -> None:
    of = rolled_out(CANARY)
    evaluation = evaluate(replace(of, results=results(of, build=DONE)))
    assert {why(evaluation, id) for id in (1, 2, 3)} == {"blocked: waits for the release of acme/shop:live"}


def test_a_deployment_that_waits_is_taken_out_of_the_queue_when_one_ahead_of_it_fails() -> None:
    evaluation = known(rolled_out(CANARY, still(1), still(2)), _1=JobState.FAILED, _2=JobState.QUEUED)
    reason = evaluation.states["service:2"].reason
    assert evaluation.cancel == [Cancel(2, f"it is held back: {reason}")]
    assert started(evaluation) == []


def test_a_deployment_that_runs_is_left_to_end_when_one_ahead_of_it_fails() -> None:
    evaluation = known(rolled_out(CANARY, still(1), still(2)), _1=JobState.FAILED, _2=JobState.RUNNING)
    assert (evaluation.cancel, why(evaluation, 2)) == ([], "running: job 2 is running")


# Rollbacks

BACK = RollbackFact(id=7, away_from=ONE, release="the older release")


def test_a_canary_that_was_rolled_back_holds_the_others() -> None:
    evaluation = known(rolled_out(CANARY, still(1, BACK, running="the older release"), still(2)), _1=DONE)
    assert (started(evaluation), why(evaluation, 1)) == ([], "done")
    assert why(evaluation, 2) == (
        "blocked: the canary shop-1 was rolled back: those that move after it stay where they are"
        " until the branch moves on or its rollback is lifted"
    )
    assert [step.when for step in steps("acme/shop", evaluation)] == ["stuck"]


def test_a_rollback_waits_for_nobody() -> None:
    evaluation = known(rolled_out(IN_ORDER, still(1), still(2, BACK)), _1=JobState.FAILED)
    assert started(evaluation) == ["service:2"]


def test_a_rollback_away_from_another_commit_holds_nobody() -> None:
    other = replace(BACK, away_from=TWO)
    evaluation = known(rolled_out(CANARY, replace(moved(1), rollback=other), still(2)), _1=DONE)
    assert started(evaluation) == ["service:2"]


# Plans, and the rest of the graph


def test_a_plan_tells_the_order_and_who_is_stuck() -> None:
    assert [(step.what, step.when) for step in steps("acme/shop", evaluate(rolled_out(CANARY)))] == [
        ("canary shop-1", "now"),
        ("service shop-2", "then"),
        ("service shop-3", "then"),
    ]
    failed = known(rolled_out(CANARY), _1=JobState.FAILED)
    assert {step.when for step in steps("acme/shop", failed)} == {"stuck"}


def test_the_order_of_one_target_is_nothing_to_another() -> None:
    targets = [
        target(1, services=[still(1), still(2)], rollout=IN_ORDER),
        target(2, branch="staging", services=[still(3), still(4)]),
    ]
    graph = build(snapshot(ref("live"), ref("staging", TWO), recipes=[recipe(targets=targets)]))
    assert {id: list(node.behind) for id, node in graph.nodes.items() if id.startswith("service:")} == {
        "service:1": [],
        "service:2": ["service:1"],
        "service:3": [],
        "service:4": [],
    }


def test_an_older_deployment_of_the_canary_is_waited_for() -> None:
    older = ActiveJob(
        job=9, fingerprint="older", state=JobState.RUNNING, title="shop-1: older", exclusive="service:1", service=1
    )
    evaluation = evaluate(replace(rolled_out(CANARY), active=[older]))
    assert evaluation.states["service:1"].status is Status.BLOCKED
    assert why(evaluation, 2) == "blocked: waits for shop-1: older to end"
