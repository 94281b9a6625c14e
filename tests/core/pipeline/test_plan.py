"""What would be done, as a list."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pipeline.evaluate import evaluate
from core.pipeline.facts import ActiveJob, Result, Snapshot
from core.pipeline.plan import Step, steps
from core.states import JobState
from tests.core.pipeline.facts import ONE, recipe, ref, result, results, snapshot


def plan(of: Snapshot, **states: Result | JobState) -> list[Step]:
    return list(steps("acme/shop", evaluate(replace(of, results=results(of, **states)))))


def short(of: Snapshot, **states: Result | JobState) -> list[str]:
    return [f"{step.when} {step.verb} {step.what}" for step in plan(of, **states)]


def test_a_step_tells_what_is_done_to_what_and_why() -> None:
    first, *_, last = plan(snapshot())
    assert first == Step(
        repository="acme/shop",
        verb="build",
        what="release build of web on linux/amd64",
        commit=ONE,
        when="now",
        reason="nothing holds it",
        level="average",
    )
    assert last == Step(
        repository="acme/shop",
        verb="deploy",
        what="service shop",
        commit=ONE,
        when="then",
        reason="waits for the release build of web on linux/amd64",
        level="dangerous",
    )


@pytest.mark.parametrize(
    ("of", "states", "plan"),
    [
        pytest.param(
            snapshot(),
            {},
            [
                "now build release build of web on linux/amd64",
                "then publish release of acme/shop:live",
                "then deploy service shop",
            ],
            id="what follows comes after what it needs",
        ),
        pytest.param(
            snapshot(),
            {"build": JobState.SUCCEEDED},
            ["now publish release of acme/shop:live", "then deploy service shop"],
            id="what is done is left out",
        ),
        pytest.param(
            snapshot(),
            {"build": JobState.RUNNING},
            [
                "now build release build of web on linux/amd64",
                "then publish release of acme/shop:live",
                "then deploy service shop",
            ],
            id="what runs is not done yet",
        ),
        pytest.param(
            snapshot(),
            {"build": JobState.FAILED},
            [
                "stuck build release build of web on linux/amd64",
                "stuck publish release of acme/shop:live",
                "stuck deploy service shop",
            ],
            id="nothing follows what failed",
        ),
        pytest.param(
            snapshot(),
            {"build": JobState.SUCCEEDED, "release": result(JobState.CANCELLED, by_person=True)},
            ["stuck publish release of acme/shop:live", "stuck deploy service shop"],
            id="nor what a person cancelled",
        ),
        pytest.param(
            snapshot(ref("feature")), {}, ["now check check build of web on linux/amd64"], id="other refs are checked"
        ),
        pytest.param(snapshot(ref("feature")), {"check": JobState.SUCCEEDED}, [], id="nothing is left to do"),
    ],
)
def test_what_is_planned(of: Snapshot, states: dict[str, JobState], plan: list[str]) -> None:
    assert short(of, **states) == plan


def test_one_build_that_failed_is_enough_to_be_stuck() -> None:
    of = snapshot(recipes=[recipe(platforms=["linux/amd64", "linux/arm64"])])
    first, second, *_ = results(of, build=JobState.RUNNING)
    mixed = replace(of, results={first: result(JobState.RUNNING), second: result(JobState.FAILED)})
    whens = [step.when for step in steps("acme/shop", evaluate(mixed))]
    assert whens == ["now", "stuck", "stuck", "stuck"]


def test_what_would_be_cancelled_is_told_with_its_reason() -> None:
    of = replace(snapshot(recipes=[]), active=[ActiveJob(job=9, fingerprint="x", state=JobState.QUEUED, title="")])
    assert plan(of) == [
        Step(
            repository="acme/shop",
            verb="cancel",
            what="job 9",
            commit="",
            when="now",
            reason="it is not wanted any more: the ref has moved on or is gone, or its declaration changed",
        )
    ]
