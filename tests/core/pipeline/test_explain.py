"""The sentences that people read: why a job waits, and whether a commit could be deployed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

import pytest

from core.pipeline.evaluate import evaluate
from core.pipeline.explain import Deployability, QueuedJob, deployability, needs_approval, why_queued
from core.pipeline.facts import Result, Snapshot
from core.states import JobKind, JobState, Level
from tests.core.pipeline.facts import ONE, TWO, recipe, ref, result, results, snapshot

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("level", "threshold", "approved"), list(product(Level, [None, *Level], [False, True])), ids=repr
)
def test_only_what_is_at_or_above_the_threshold_and_not_approved_waits_for_a_person(
    level: Level, threshold: Level | None, approved: bool
) -> None:
    asks = threshold is not None and level >= threshold and not approved
    assert needs_approval(level, threshold, approved=approved) == asks


def queued(**fields: Any) -> QueuedJob:
    return replace(QueuedJob(id=12, kind=JobKind.BUILD, level=Level.AVERAGE, approved=False), **fields)


@pytest.mark.parametrize(
    ("job", "around", "sentence"),
    [
        pytest.param(
            queued(level=Level.DANGEROUS),
            {"threshold": Level.ABOVE_AVERAGE},
            "Waits for approval: it is dangerous, and operations that are above-average or more ask first. "
            "Approve it on its page or with `manage.py approve 12`.",
            id="a person has to approve it",
        ),
        pytest.param(
            queued(level=Level.DANGEROUS, approved=True),
            {"threshold": Level.ABOVE_AVERAGE},
            "Is about to start.",
            id="a person has approved it",
        ),
        pytest.param(
            queued(reason="Held by gate freeze: no deployments on Fridays.", not_before=NOW + timedelta(seconds=90)),
            {},
            "Held by gate freeze: no deployments on Fridays. Tried again at 12:01:30 UTC.",
            id="a gate holds it",
        ),
        pytest.param(
            queued(reason="the host does not answer", not_before=NOW + timedelta(days=2, hours=1)),
            {},
            "the host does not answer. Tried again at 2026-11-25 13:00:00 UTC.",
            id="another day is told with its date",
        ),
        pytest.param(
            queued(not_before=NOW + timedelta(seconds=5)),
            {},
            "It is put off. Tried again at 12:00:05 UTC.",
            id="nobody said why it is put off",
        ),
        pytest.param(
            queued(reason="busy", not_before=(NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=5)))),
            {},
            "busy. Tried again at 13:00:00 UTC.",
            id="times are told in UTC, wherever they come from",
        ),
        pytest.param(
            queued(reason="the host does not answer", not_before=NOW), {}, "Is about to start.", id="its time has come"
        ),
        pytest.param(
            queued(),
            {"runners": 0},
            "Waits for a runner: none is alive. Start one with `manage.py run_runner` or `manage.py run_pipeline`.",
            id="there is nobody to run it",
        ),
        pytest.param(
            queued(pool="builder docker"),
            {"pool_full": True},
            "Waits for a free place: all builder docker places are taken by jobs that came first or matter more.",
            id="others go first",
        ),
        pytest.param(queued(), {}, "Is about to start.", id="nothing holds it"),
    ],
)
def test_why_a_job_waits(job: QueuedJob, around: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {"threshold": None, "now": NOW, "runners": 1, "pool_full": False, **around}
    assert why_queued(job, **given) == sentence


def test_the_first_reason_is_the_one_that_a_person_has_to_do_something_about() -> None:
    job = queued(level=Level.DANGEROUS, not_before=NOW + timedelta(hours=1))
    assert why_queued(job, threshold=Level.DANGEROUS, now=NOW, runners=0, pool_full=True).startswith(
        "Waits for approval"
    )


# Deployability


def known(of: Snapshot, **states: Result | JobState) -> Snapshot:
    return replace(of, results={**of.results, **results(of, **states)})


def told(of: Snapshot, commit: str = ONE) -> Deployability:
    return deployability(evaluate(of), commit)


CHECKED = snapshot(ref("feature"))
TWO_RECIPES = snapshot(ref("feature"), recipes=[recipe(targets=[]), recipe(2, name="docs", targets=[])])


@pytest.mark.parametrize(
    ("of", "state", "title", "summary"),
    [
        pytest.param(
            known(CHECKED, check=JobState.SUCCEEDED),
            "success",
            "It can be deployed",
            "- check build of web on linux/amd64: done",
            id="it builds",
        ),
        pytest.param(
            known(CHECKED, check=result(JobState.FAILED, reason="make exited with status 2")),
            "failure",
            "check build of web on linux/amd64: make exited with status 2",
            "- check build of web on linux/amd64: failed (make exited with status 2)",
            id="it does not build",
        ),
        pytest.param(
            known(CHECKED, check=result(JobState.CANCELLED, reason="not now", by_person=True)),
            "failure",
            "check build of web on linux/amd64: not now",
            "- check build of web on linux/amd64: cancelled (not now)",
            id="somebody cancelled its build",
        ),
        pytest.param(
            known(TWO_RECIPES, check=JobState.RUNNING),
            "running",
            "0 of 2 builds are done",
            "- check build of web on linux/amd64: running (job 1 is running)\n"
            "- check build of docs on linux/amd64: running (job 1 is running)",
            id="it is being built",
        ),
        pytest.param(
            known(CHECKED, check=JobState.QUEUED),
            "queued",
            "check build of web on linux/amd64: job 1 is queued",
            "- check build of web on linux/amd64: waiting (job 1 is queued)",
            id="its build waits",
        ),
        pytest.param(
            CHECKED,
            "queued",
            "check build of web on linux/amd64: nothing holds it",
            "- check build of web on linux/amd64: ready (nothing holds it)",
            id="its build is about to be queued",
        ),
        pytest.param(snapshot(recipes=[]), "neutral", "There is nothing to build", "", id="there is nothing to build"),
        pytest.param(
            known(snapshot(), build=JobState.SUCCEEDED),
            "success",
            "It can be deployed",
            "- release build of web on linux/amd64: done",
            id="a release build tells it as well, whatever becomes of the deployment",
        ),
    ],
)
def test_whether_a_commit_could_be_deployed(of: Snapshot, state: str, title: str, summary: str) -> None:
    assert told(of) == Deployability(state, title, summary)


def test_one_failed_build_is_what_is_told_of_several() -> None:
    first, second = results(TWO_RECIPES, check=JobState.RUNNING)
    mixed = {first: result(JobState.RUNNING), second: result(JobState.FAILED, reason="no space left")}
    assert told(replace(TWO_RECIPES, results=mixed)).title == "check build of docs on linux/amd64: no space left"


def test_progress_is_counted() -> None:
    first, second = results(TWO_RECIPES, check=JobState.RUNNING)
    mixed = {first: result(), second: result(JobState.RUNNING)}
    assert told(replace(TWO_RECIPES, results=mixed)).title == "1 of 2 builds are done"


def test_the_builds_of_another_commit_do_not_matter() -> None:
    of = snapshot(ref("feature"), ref("other", TWO))
    failed = {key: result(JobState.FAILED) for key in results(snapshot(ref("other", TWO)), check=JobState.FAILED)}
    of = replace(of, results={**results(snapshot(ref("feature")), check=JobState.SUCCEEDED), **failed})
    assert (told(of, ONE).state, told(of, TWO).state) == ("success", "failure")
