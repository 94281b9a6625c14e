"""From results to states, and to what is started and cancelled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pipeline.declaration import FromInput
from core.pipeline.evaluate import Cancel, Evaluation, NodeState, Status, evaluate
from core.pipeline.facts import ActiveJob, Policy, Result, RollbackFact, Snapshot
from core.pipeline.graph import build
from core.states import JobKind, JobState
from tests.core.pipeline.facts import (
    ONE,
    TWO,
    fingerprint,
    recipe,
    ref,
    result,
    results,
    service,
    snapshot,
    target,
)

BUILD, RELEASE, SERVICE = "build:1:linux/amd64", "release:1", "service:1"
UNWANTED = "it is not wanted any more: the ref has moved on or is gone, or its declaration changed"
DONE = JobState.SUCCEEDED


def known(of: Snapshot | None = None, *, running: str = "", **states: Result | JobState) -> Snapshot:
    """A snapshot with the results of its operations by kind; `running` is what the service runs."""
    of = of or snapshot()
    if running:
        of = replace(of, recipes=[recipe(targets=[target(services=[service(running=running)])])])
    return replace(of, results={**of.results, **results(of, **states)})


def head_release() -> str:
    return fingerprint(build(snapshot()), RELEASE)


def starts(evaluation: Evaluation) -> list[str]:
    return [operation.kind for operation in evaluation.start]


# One step after the other


@pytest.mark.parametrize(
    ("of", "states", "start"),
    [
        pytest.param(known(), ["ready", "blocked", "blocked"], ["build"], id="a build goes first"),
        pytest.param(
            known(build=JobState.QUEUED), ["waiting", "blocked", "blocked"], [], id="while it waits nothing else starts"
        ),
        pytest.param(known(build=JobState.RUNNING), ["running", "blocked", "blocked"], [], id="nor while it runs"),
        pytest.param(known(build=DONE), ["done", "ready", "blocked"], ["release"], id="then it is published"),
        pytest.param(
            known(build=DONE, release=DONE), ["done", "done", "ready"], ["deployment"], id="then the service is moved"
        ),
        pytest.param(
            known(build=DONE, release=DONE, service=DONE, running=head_release()),
            ["done", "done", "done"],
            [],
            id="then all is done",
        ),
        pytest.param(
            known(build=JobState.FAILED), ["failed", "blocked", "blocked"], [], id="a build that failed ends it"
        ),
        pytest.param(
            known(build=DONE, release=JobState.FAILED),
            ["done", "failed", "blocked"],
            [],
            id="so does a release that failed",
        ),
        pytest.param(
            known(build=DONE, release=DONE, service=JobState.FAILED),
            ["done", "done", "failed"],
            [],
            id="a deployment that failed is not tried again by itself",
        ),
        pytest.param(
            known(build=DONE, release=DONE, service=DONE, running="another release"),
            ["done", "done", "ready"],
            ["deployment"],
            id="a service that was moved elsewhere since is moved back",
        ),
        pytest.param(
            known(build=result(JobState.CANCELLED, by_person=True)),
            ["cancelled", "blocked", "blocked"],
            [],
            id="what a person cancelled is not started again",
        ),
        pytest.param(
            known(build=JobState.CANCELLED),
            ["ready", "blocked", "blocked"],
            ["build"],
            id="what was cancelled because nobody wanted it is started again once it is wanted",
        ),
        pytest.param(known(snapshot(ref("feature")), check=DONE), ["done"], [], id="a check ends where it began"),
    ],
)
def test_what_is_started(of: Snapshot, states: list[str], start: list[JobKind]) -> None:
    evaluation = evaluate(of)
    assert [state.status for state in evaluation.states.values()] == states
    assert starts(evaluation) == start
    assert evaluation.cancel == []


def test_all_platforms_are_built_at_once_and_all_are_needed() -> None:
    platforms = ["linux/amd64", "linux/arm64"]
    of = snapshot(recipes=[recipe(platforms=platforms)])
    assert starts(evaluate(of)) == ["build", "build"]
    done = {fingerprint(build(of), BUILD): result()}
    evaluation = evaluate(replace(of, results=done))
    assert starts(evaluation) == ["build"]
    assert evaluation.states[RELEASE].status is Status.BLOCKED


def test_the_services_of_a_target_are_moved_independently() -> None:
    of = snapshot(recipes=[recipe(targets=[target(services=[service(1), service(2)])])])
    made = results(of, build=DONE, release=DONE) | {fingerprint(build(of), SERVICE): result(JobState.FAILED)}
    evaluation = evaluate(replace(of, results=made))
    assert [operation.kind for operation in evaluation.start] == ["deployment"]
    assert evaluation.states["service:2"].status is Status.READY


def test_a_graph_that_was_made_already_is_used() -> None:
    of = known(build=DONE)
    graph = build(of)
    evaluation = evaluate(of, graph)
    assert evaluation.graph is graph
    assert evaluation == evaluate(of)


# Reasons


def state_of(of: Snapshot, id: str) -> NodeState:
    return evaluate(of).states[id]


TWO_PLATFORMS = snapshot(recipes=[recipe(platforms=["linux/amd64", "linux/arm64"])])


def two_builds(first: JobState, second: JobState) -> Snapshot:
    graph = build(TWO_PLATFORMS)
    made = {
        fingerprint(graph, BUILD): result(first, job=1),
        fingerprint(graph, "build:1:linux/arm64"): result(second, job=2),
    }
    return replace(TWO_PLATFORMS, results=made)


WITH_INPUT = snapshot(recipes=[recipe(args={"B": FromInput("opam"), "A": FromInput("base")})])


@pytest.mark.parametrize(
    ("of", "node", "reason", "job"),
    [
        pytest.param(known(), BUILD, "nothing holds it", None, id="ready"),
        pytest.param(known(), RELEASE, "waits for the release build of web on linux/amd64", None, id="not begun"),
        pytest.param(
            known(build=JobState.RUNNING), RELEASE, "waits for the release build of web on linux/amd64", 1, id="running"
        ),
        pytest.param(
            known(build=JobState.RUNNING),
            SERVICE,
            "waits for the release build of web on linux/amd64",
            1,
            id="what is far down waits for what is at the top",
        ),
        pytest.param(known(build=DONE), SERVICE, "waits for the release of acme/shop:live", None, id="unpublished"),
        pytest.param(known(build=JobState.QUEUED), BUILD, "job 1 is queued", 1, id="a job that waits"),
        pytest.param(known(build=JobState.RUNNING), BUILD, "job 1 is running", 1, id="a job that runs"),
        pytest.param(
            known(build=result(JobState.FAILED, reason="make exited with status 2")),
            BUILD,
            "make exited with status 2",
            1,
            id="failed, with its reason",
        ),
        pytest.param(
            known(build=JobState.FAILED), BUILD, "job 1 failed and does not say why", 1, id="failed without a reason"
        ),
        pytest.param(
            known(build=JobState.FAILED),
            SERVICE,
            "the release build of web on linux/amd64 failed: push a new commit or run it again",
            1,
            id="what comes before failed",
        ),
        pytest.param(
            known(build=result(JobState.CANCELLED, by_person=True)),
            SERVICE,
            "the release build of web on linux/amd64 was cancelled: push a new commit or run it again",
            1,
            id="what comes before was cancelled",
        ),
        pytest.param(
            two_builds(JobState.RUNNING, JobState.FAILED),
            RELEASE,
            "the release build of web on linux/arm64 failed: push a new commit or run it again",
            2,
            id="what will not pass is told before what will",
        ),
        pytest.param(
            two_builds(JobState.FAILED, JobState.RUNNING),
            RELEASE,
            "the release build of web on linux/amd64 failed: push a new commit or run it again",
            1,
            id="in whatever order",
        ),
        pytest.param(WITH_INPUT, BUILD, "waits for input base and input opam: not read yet", None, id="inputs"),
        pytest.param(
            replace(WITH_INPUT, inputs={"base": "abc"}),
            BUILD,
            "waits for input opam: not read yet",
            None,
            id="an input",
        ),
        pytest.param(WITH_INPUT, SERVICE, "waits for input base and input opam: not read yet", None, id="inputs above"),
        pytest.param(known(build=DONE), BUILD, "", 1, id="done"),
    ],
)
def test_why_something_is_where_it_is(of: Snapshot, node: str, reason: str, job: int | None) -> None:
    state = state_of(of, node)
    assert (state.reason, state.job) == (reason, job)


def test_what_is_done_says_what_it_made() -> None:
    assert state_of(known(build=DONE), BUILD) == NodeState(status=Status.DONE, job=1, value="made")


# One deployment at a time


def deploying(fingerprint: str, state: JobState, *, job: int = 9) -> ActiveJob:
    return ActiveJob(
        job=job,
        fingerprint=fingerprint,
        state=state,
        title="shop: deployment to 1111",
        exclusive="service:1",
        service=1,
    )


READY_TO_DEPLOY = known(build=DONE, release=DONE)


def test_a_deployment_waits_for_the_one_that_runs() -> None:
    evaluation = evaluate(replace(READY_TO_DEPLOY, active=[deploying("older", JobState.RUNNING)]))
    expected = NodeState(status=Status.BLOCKED, reason="waits for shop: deployment to 1111 to end", job=9)
    assert evaluation.states[SERVICE] == expected
    assert (evaluation.start, evaluation.cancel) == ([], [])


def test_a_deployment_replaces_one_that_still_waits() -> None:
    evaluation = evaluate(replace(READY_TO_DEPLOY, active=[deploying("older", JobState.QUEUED)]))
    assert evaluation.cancel == [Cancel(9, UNWANTED)]
    assert starts(evaluation) == ["deployment"]


def test_a_deployment_does_not_wait_for_itself() -> None:
    own = fingerprint(build(READY_TO_DEPLOY), SERVICE)
    of = known(READY_TO_DEPLOY, service=result(JobState.QUEUED, job=9))
    evaluation = evaluate(replace(of, active=[deploying(own, JobState.QUEUED)]))
    assert evaluation.states[SERVICE].status is Status.WAITING
    assert (evaluation.start, evaluation.cancel) == ([], [])


def test_the_deployment_of_another_service_holds_nothing() -> None:
    other = replace(deploying("other", JobState.RUNNING), service=2, exclusive="service:2")
    assert starts(evaluate(replace(READY_TO_DEPLOY, active=[other]))) == ["deployment"]


# What is not wanted any more


@pytest.mark.parametrize(
    ("job", "cancelled"),
    [
        pytest.param(
            ActiveJob(job=9, fingerprint="older", state=JobState.QUEUED, title=""), True, id="a waiting build"
        ),
        pytest.param(
            ActiveJob(job=9, fingerprint="older", state=JobState.RUNNING, title=""), True, id="a running build"
        ),
        pytest.param(deploying("older", JobState.QUEUED), True, id="a waiting deployment"),
        pytest.param(deploying("older", JobState.RUNNING), False, id="not a running deployment: half-way is nowhere"),
        pytest.param(
            ActiveJob(job=9, fingerprint=fingerprint(build(snapshot()), BUILD), state=JobState.RUNNING, title=""),
            False,
            id="not what is wanted",
        ),
    ],
)
def test_what_is_cancelled(job: ActiveJob, cancelled: bool) -> None:
    assert evaluate(snapshot(active=[job])).cancel == ([Cancel(9, UNWANTED)] if cancelled else [])


def test_nothing_is_wanted_of_refs_that_are_gone() -> None:
    of = Snapshot(
        repository="acme/shop",
        recipes=[recipe()],
        refs=[],
        active=[ActiveJob(job=9, fingerprint="any", state=JobState.RUNNING, title="")],
    )
    assert evaluate(of).cancel == [Cancel(9, UNWANTED)]


def test_turning_to_harmless_mode_ends_the_checks() -> None:
    feature = snapshot(ref("feature"))
    check = ActiveJob(job=9, fingerprint=build(feature).fingerprints()[0], state=JobState.RUNNING, title="")
    evaluation = evaluate(replace(feature, active=[check], policy=Policy(harmless=True)))
    assert evaluation.cancel == [Cancel(9, UNWANTED)]


# Rollbacks


def rolled_back(*, running: str, id: int = 7) -> Snapshot:
    """The head is released, and a person went back to an older release."""
    rollback = RollbackFact(id=id, away_from=ONE, release="the older release")
    services = [service(running=running, rollback=rollback)]
    return known(snapshot(recipes=[recipe(targets=[target(services=services)])]), build=DONE, release=DONE)


def test_a_rollback_is_deployed_at_once() -> None:
    of = replace(rolled_back(running=head_release()), results={})
    evaluation = evaluate(of)
    assert starts(evaluation) == ["build", "deployment"]
    assert evaluation.states[SERVICE].reason == "a rollback to an older release was asked for"


def test_a_rollback_is_done_when_the_service_runs_the_older_release() -> None:
    of = known(rolled_back(running="the older release"), service=DONE)
    assert evaluate(of).states[SERVICE].status is Status.DONE


def test_a_rollback_to_what_seems_to_run_already_is_deployed_all_the_same() -> None:
    # What was recorded need not be what a deployment that failed half-way left behind.
    assert starts(evaluate(rolled_back(running="the older release"))) == ["deployment"]


def test_a_rollback_that_failed_is_tried_again_when_it_is_asked_for_again() -> None:
    failed = known(rolled_back(running=""), service=JobState.FAILED)
    assert starts(evaluate(failed)) == []
    again = rolled_back(running="", id=8)
    assert starts(evaluate(replace(again, results={**failed.results, **again.results}))) == ["deployment"]


def test_a_lifted_rollback_moves_the_service_forward_again() -> None:
    of = known(build=DONE, release=DONE, service=DONE, running="the older release")
    assert starts(evaluate(of)) == ["deployment"]


# Several refs


def test_a_branch_that_was_moved_back_is_followed_back_without_building_again() -> None:
    of = known(snapshot(ref(commit=ONE)), build=DONE, release=DONE, service=DONE, running="the release of two")
    assert starts(evaluate(of)) == ["deployment"]


def test_two_refs_are_evaluated_side_by_side() -> None:
    of = known(snapshot(ref("live"), ref("feature", TWO)), build=JobState.FAILED)
    assert starts(evaluate(of)) == ["build"]
    assert evaluate(of).start[0].commit == TWO
