"""What a person has built, published or deployed again: what was made of it follows, and nothing else is done twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.pipeline.evaluate import Cancel, Evaluation, NodeState, Status, evaluate
from core.pipeline.facts import ActiveJob, Result, RollbackFact, Snapshot
from core.pipeline.graph import build
from core.states import JobState
from tests.core.pipeline.facts import ONE, fingerprint, recipe, result, results, service, snapshot, target

DONE, FAILED = JobState.SUCCEEDED, JobState.FAILED
CANCELLED = JobState.CANCELLED


def release_of_head() -> str:
    return fingerprint(build(snapshot()), "release:1")


def known(build: Result, release: Result, deployment: Result | None = None, *, digest: str = "made") -> Evaluation:
    """A service that runs the head's release as it had this digest, and the newest jobs of what leads there."""
    of = snapshot(recipes=[recipe(targets=[target(services=[service(running=release_of_head(), digest=digest)])])])
    states = {"build": build, "release": release, **({"service": deployment} if deployment else {})}
    return evaluate(replace(of, results=results(of, **states)))


def starts(evaluation: Evaluation) -> list[str]:
    return [str(operation.kind) for operation in evaluation.start]


@pytest.mark.parametrize(
    ("newest", "start"),
    [
        pytest.param([result(job=1), result(job=2), result(job=3)], [], id="in turn: all is done"),
        pytest.param([result(job=4), result(job=2), result(job=3)], ["release"], id="a build is published again"),
        pytest.param([result(FAILED, job=4), result(job=2), result(job=3)], [], id="not one that fails"),
        pytest.param([result(JobState.RUNNING, job=4), result(job=2), result(job=3)], [], id="nor one that runs"),
        pytest.param(
            [result(job=4), result(FAILED, job=2)],
            ["release"],
            id="a publication that failed is tried with the new build",
        ),
        pytest.param(
            [result(job=4), result(CANCELLED, job=2, by_person=True)], ["release"], id="so is one that was cancelled"
        ),
        pytest.param([result(job=4), result(FAILED, job=5)], [], id="one that failed since is not"),
        pytest.param([result(job=4), result(JobState.RUNNING, job=2)], [], id="one that still runs goes on first"),
        pytest.param([result(job=4), result(job=5), result(job=3)], [], id="the same digest is not deployed again"),
        pytest.param(
            [result(job=4), result(job=5), result(FAILED, job=3)],
            ["deployment"],
            id="a deployment that failed is tried",
        ),
        pytest.param([result(job=4), result(job=5), result(FAILED, job=6)], [], id="once"),
    ],
)
def test_what_follows_a_build_that_was_done_again(newest: list[Result], start: list[str]) -> None:
    assert starts(known(*newest)) == start


def test_another_digest_is_deployed_and_then_all_is_done() -> None:
    newest = (result(job=4), result(job=5), result(job=3))
    assert starts(known(*newest, digest="made before")) == ["deployment"]
    assert starts(known(*newest[:2], result(job=6))) == []


def test_one_of_several_builds_is_enough() -> None:
    of = snapshot(recipes=[recipe(platforms=["linux/amd64", "linux/arm64"])])
    first, second, published, *_ = results(of, build=DONE, release=DONE)
    made = {first: result(job=1), second: result(job=4), published: result(job=3)}
    assert starts(evaluate(replace(of, results=made))) == ["release"]


def test_a_publication_that_waits_is_taken_out_of_the_queue_while_a_build_is_done_again() -> None:
    evaluation = known(result(JobState.RUNNING, job=4), result(JobState.QUEUED, job=2))
    reason = "it is held back: waits for the release build of web on linux/amd64"
    assert evaluation.cancel == [Cancel(2, reason)]


def test_a_rollback_is_done_whatever_digest_the_head_has_now() -> None:
    rollback = RollbackFact(id=7, away_from=ONE, release="the older release")
    back = service(running="the older release", digest="another", rollback=rollback)
    of = snapshot(recipes=[recipe(targets=[target(services=[back])])])
    evaluation = evaluate(replace(of, results=results(of, build=DONE, release=DONE, service=DONE)))
    assert evaluation.states["service:1"].status is Status.DONE


# Publications, one at a time


def publishing(state: JobState) -> ActiveJob:
    return ActiveJob(
        job=9, fingerprint="older", state=state, title="release of acme/shop:live from 1111", exclusive="target:1"
    )


def built(active: ActiveJob) -> Snapshot:
    of = snapshot(active=[active])
    return replace(of, results=results(of, build=DONE))


def test_a_publication_waits_for_an_older_one_of_its_target_although_that_is_being_cancelled() -> None:
    evaluation = evaluate(built(publishing(JobState.RUNNING)))
    reason = "waits for release of acme/shop:live from 1111 to end"
    assert evaluation.states["release:1"] == NodeState(status=Status.BLOCKED, reason=reason, job=9)
    assert (starts(evaluation), [cancel.job for cancel in evaluation.cancel]) == ([], [9])


def test_a_publication_replaces_an_older_one_that_still_waits() -> None:
    evaluation = evaluate(built(publishing(JobState.QUEUED)))
    assert (starts(evaluation), [cancel.job for cancel in evaluation.cancel]) == (["release"], [9])


def test_a_publication_of_another_target_is_in_nobodys_way() -> None:
    other = replace(publishing(JobState.RUNNING), exclusive="target:2")
    assert starts(evaluate(built(other))) == ["release"]
