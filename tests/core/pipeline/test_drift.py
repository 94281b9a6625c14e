"""What is done about drift: the decision, its laws, and what an evaluation makes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.pipeline.drift import MOST, WITHIN, DriftAction, decide, words
from core.pipeline.evaluate import Evaluation, Status, evaluate
from core.pipeline.facts import ActiveJob, DriftFact, RepairFact, Result, Snapshot, UnhealthyFact
from core.pipeline.graph import build
from core.pipeline.operations import Deploy
from core.pipeline.plan import steps
from core.states import DriftPolicy, JobKind, JobState
from tests.core.pipeline.facts import MADE, ONE, TWO, fingerprint, recipe, result, results, service, snapshot, target

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DRIFT = DriftFact(words="scaled from 1 to 2", policy=DriftPolicy.HEAL, now=NOW)
RELEASE, SERVICE = "release:1", "service:1"
DONE = JobState.SUCCEEDED


def repairs(*minutes: float, failed: bool = False) -> list[RepairFact]:
    """Repairs that were begun so many minutes ago."""
    found = [RepairFact(at=NOW - timedelta(minutes=each)) for each in minutes]
    return [*found[:-1], replace(found[-1], failed=failed)] if found else []


# The decision


@pytest.mark.parametrize(
    ("fact", "action"),
    [
        pytest.param(DRIFT, DriftAction.HEAL, id="the first at once"),
        pytest.param(replace(DRIFT, policy=DriftPolicy.ASK), DriftAction.ASK, id="somebody is asked"),
        pytest.param(replace(DRIFT, policy=DriftPolicy.OFF), DriftAction.NOTHING, id="nobody looks"),
        pytest.param(replace(DRIFT, repairs=repairs(0.5)), DriftAction.WAIT, id="the second not within a minute"),
        pytest.param(replace(DRIFT, repairs=repairs(1)), DriftAction.HEAL, id="but after it"),
        pytest.param(replace(DRIFT, repairs=repairs(6, 4)), DriftAction.WAIT, id="the third not within five"),
        pytest.param(replace(DRIFT, repairs=repairs(7, 5)), DriftAction.HEAL, id="but after them"),
        pytest.param(
            replace(DRIFT, repairs=repairs(50, 30, 10)), DriftAction.ASK, id="three within an hour are enough"
        ),
        pytest.param(replace(DRIFT, repairs=repairs(900, 850, 841)), DriftAction.ASK, id="and stay so"),
        pytest.param(replace(DRIFT, repairs=repairs(90, 30, 10)), DriftAction.HEAL, id="three within more are not"),
        pytest.param(replace(DRIFT, repairs=repairs(90, failed=True)), DriftAction.ASK, id="one that failed is enough"),
        pytest.param(replace(DRIFT, held="Locked by ann"), DriftAction.HELD, id="a lock holds it"),
        pytest.param(
            replace(DRIFT, held="Locked", policy=DriftPolicy.ASK), DriftAction.ASK, id="who is asked is asked"
        ),
    ],
)
def test_what_is_done_about_drift(fact: DriftFact, action: DriftAction) -> None:
    assert decide(fact).action is action


def test_whoever_reads_it_is_told_what_becomes_of_it() -> None:
    assert decide(replace(DRIFT, held="Locked by ann: a sale")).sentence == (
        "It is put right once that is lifted: Locked by ann: a sale"
    )
    assert decide(replace(DRIFT, repairs=repairs(0.5))).sentence == "It is put right after 12:00:30 UTC"
    assert "3 times within an hour" in decide(replace(DRIFT, repairs=repairs(50, 30, 10))).sentence


@given(st.lists(st.integers(1, 100), min_size=1, max_size=300))
def test_two_who_fight_over_a_service_stop_after_a_few_rounds(pauses: list[int]) -> None:
    """Somebody changes it again as soon as it was put right, however long each look takes (in seconds)."""
    now, made = NOW, list[RepairFact]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        if decide(replace(DRIFT, now=now, repairs=made)).action is DriftAction.HEAL:
            made.append(RepairFact(at=now))
        for earlier in made:
            assert len([each for each in made if earlier.at <= each.at <= earlier.at + WITHIN]) <= MOST
    assert len(made) <= MOST


@given(st.lists(st.floats(0, 600), max_size=6), st.booleans(), st.sampled_from(DriftPolicy), st.sampled_from(["", "x"]))
def test_only_heal_puts_right_and_nothing_that_is_held(
    ago: list[float], failed: bool, policy: DriftPolicy, held: str
) -> None:
    made = repairs(*sorted(ago, reverse=True), failed=failed)
    decision = decide(DriftFact(words="x", policy=policy, now=NOW, repairs=made, held=held))
    if decision.action is DriftAction.HEAL:
        assert (policy, held) == (DriftPolicy.HEAL, "")
        assert not (made and made[-1].failed)
    assert bool(decision.sentence) == (policy is not DriftPolicy.OFF)


@pytest.mark.parametrize(
    ("observed", "otherwise", "told"),
    [
        ("sha256:a", "", ""),
        ("", "", ""),
        ("sha256:b", "", "it runs b, another image than its latest deployment"),
        ("sha256:b", "scaled", "it runs b, another image than its latest deployment; scaled"),
    ],
)
def test_the_words_for_drift(observed: str, otherwise: str, told: str) -> None:
    assert words(current="sha256:a", observed=observed, otherwise=otherwise) == told


# What an evaluation makes of it


def drifted(drift: DriftFact | None = DRIFT, *, unhealthy: list[UnhealthyFact] | None = None) -> Snapshot:
    """A service that runs its branch's head, as far as its latest deployment goes."""
    plain = snapshot()
    release = fingerprint(build(plain), RELEASE)
    one = replace(service(running=release), running_commit=ONE, drift=drift, unhealthy=unhealthy or [])
    known = results(plain, build=DONE, release=DONE, service=DONE)
    return replace(plain, recipes=[recipe(targets=[target(services=[one])])], results=known)


def behind(of: Snapshot, state: Result | JobState | None) -> Snapshot:
    """The same once the branch has a newer head, whose release the deployment of ended so; None: it is still built."""
    newer = replace(of, refs=[replace(of.refs[0], commit=TWO)])
    made = {"build": DONE, "release": DONE, "service": state} if state else {"build": JobState.RUNNING}
    return replace(newer, results={**of.results, **results(newer, **{k: v for k, v in made.items() if v})})


def started(evaluation: Evaluation) -> list[tuple[str, str]]:
    return [(each.commit, each.repairs) for each in evaluation.start if isinstance(each, Deploy)]


def repair(of: Snapshot, state: JobState) -> ActiveJob:
    operation = next(each for each in evaluate(of).start if isinstance(each, Deploy))
    return ActiveJob(
        job=9, fingerprint=operation.fingerprint, state=state, title="x", exclusive=operation.exclusive, service=1
    )


def test_a_service_that_has_drifted_is_moved_to_what_it_should_run() -> None:
    found = evaluate(drifted())
    assert started(found) == [(ONE, "scaled from 1 to 2")]
    assert found.states[SERVICE].status is Status.DONE
    assert [(step.verb, step.reason) for step in steps("acme/shop", found)] == [
        ("deploy", "its drift is put right: scaled from 1 to 2")
    ]


@pytest.mark.parametrize("drift", [None, replace(DRIFT, policy=DriftPolicy.ASK), replace(DRIFT, held="Locked")])
def test_without_the_decision_nothing_is_started(drift: DriftFact | None) -> None:
    assert started(evaluate(drifted(drift))) == []


def test_while_it_is_put_right_nothing_is_begun_beside_it_and_its_state_says_so() -> None:
    for state, status in ((JobState.QUEUED, Status.WAITING), (JobState.RUNNING, Status.RUNNING)):
        found = evaluate(replace(drifted(), active=[repair(drifted(), state)]))
        assert (found.start, found.cancel) == ([], [])
        assert (found.states[SERVICE].status, found.states[SERVICE].reason) == (status, "its drift is put right")


def test_a_repair_that_somebody_asked_for_is_wanted_without_any_drift() -> None:
    found = evaluate(replace(drifted(None), active=[repair(drifted(), JobState.QUEUED)]))
    assert (found.start, found.cancel) == ([], [])


@pytest.mark.parametrize("state", [JobState.FAILED, None], ids=["taken back from the newer", "the newer is built"])
def test_what_runs_is_put_right_while_nothing_newer_can_be_deployed(state: JobState | None) -> None:
    found = evaluate(behind(drifted(), state))
    assert started(found) == [(ONE, "scaled from 1 to 2")]


def test_a_newer_release_comes_before_a_repair() -> None:
    newer = behind(drifted(), None)
    ready = replace(newer, results={**newer.results, **results(newer, build=DONE, release=DONE)})
    assert started(evaluate(ready)) == [(TWO, "")]
    waiting = evaluate(replace(ready, active=[repair(drifted(), JobState.QUEUED)]))
    assert [(each.job, each.reason) for each in waiting.cancel] == [(9, "something newer is to be deployed")]
    assert started(waiting) == [], "one after the other"
    running = evaluate(replace(ready, active=[repair(drifted(), JobState.RUNNING)]))
    assert (running.cancel, started(running)) == ([], [])


def test_a_repair_of_what_it_runs_no_more_is_withdrawn() -> None:
    moved = drifted()
    moved = replace(moved, recipes=[recipe(targets=[target(services=[service(running="another")])])])
    found = evaluate(replace(moved, active=[repair(drifted(), JobState.QUEUED)]))
    assert [each.job for each in found.cancel] == [9]


# What it was not well with


def republished(unhealthy: list[UnhealthyFact]) -> Snapshot:
    """A service whose deployment failed, of a release that was published again since."""
    plain = snapshot()
    known = results(plain, build=DONE, release=result(job=5), service=result(JobState.FAILED, job=2))
    one = replace(service(), unhealthy=unhealthy)
    return replace(plain, recipes=[recipe(targets=[target(services=[one])])], results=known)


def test_a_digest_that_it_was_not_well_with_is_not_tried_again_by_itself() -> None:
    assert started(evaluate(republished([]))) == [(ONE, "")], "what was made again is deployed again"
    found = evaluate(republished([UnhealthyFact(commit=ONE, digest=MADE, deployment=7)]))
    assert found.start == []
    assert found.states[SERVICE].status is Status.FAILED
    assert found.states[SERVICE].reason.startswith("it did not stay healthy with this image (deployment 7)")


@pytest.mark.parametrize(
    "other", [UnhealthyFact(commit=TWO, digest=MADE, deployment=7), UnhealthyFact(commit=ONE, digest="x", deployment=7)]
)
def test_another_commit_or_another_image_is_tried(other: UnhealthyFact) -> None:
    assert started(evaluate(republished([other]))) == [(ONE, "")]


def test_who_deploys_it_again_is_not_stopped_by_it() -> None:
    """The job that a person queued is there: what was found before says nothing of it."""
    known = republished([UnhealthyFact(commit=ONE, digest=MADE, deployment=7)])
    asked = replace(known, results={**known.results, **results(known, service=result(JobState.QUEUED, job=6))})
    assert evaluate(asked).states[SERVICE].status is Status.WAITING
    assert JobKind.DEPLOYMENT not in [each.kind for each in evaluate(asked).start]
