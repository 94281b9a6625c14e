"""Whether a commit could be deployed, as its source is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.pipeline.deployability import JobFact, deployability
from core.pipeline.evaluate import evaluate
from core.pipeline.facts import Result, Snapshot
from core.states import JobState
from core.values import Annotation, CommitStatus
from tests.core.pipeline.facts import ONE, TWO, recipe, ref, result, results, snapshot

HEAD = "| recipe | linux/amd64 |\n| --- | --- |"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def known(of: Snapshot, **states: Result | JobState) -> Snapshot:
    return replace(of, results={**of.results, **results(of, **states)})


def told(of: Snapshot, commit: str = ONE, **jobs: JobFact) -> CommitStatus:
    known = {int(key.removeprefix("job_")): fact for key, fact in jobs.items()}
    return deployability(evaluate(of), commit, known, "https://deploy.example.org/repositories/1/")


CHECKED = snapshot(ref("feature"))
TWO_RECIPES = snapshot(ref("feature"), recipes=[recipe(targets=[]), recipe(2, name="docs", targets=[])])


@pytest.mark.parametrize(
    ("of", "state", "title", "summary"),
    [
        pytest.param(
            known(CHECKED, check=JobState.SUCCEEDED),
            "success",
            "It can be deployed",
            f"{HEAD}\n| web | ✅ done |",
            id="it builds",
        ),
        pytest.param(
            known(CHECKED, check=result(JobState.FAILED, reason="make exited with status 2")),
            "failure",
            "check build of web on linux/amd64: make exited with status 2",
            f"{HEAD}\n| web | ❌ failed |\n\n- check build of web on linux/amd64: make exited with status 2",
            id="it does not build",
        ),
        pytest.param(
            known(CHECKED, check=result(JobState.CANCELLED, reason="not now", by_person=True)),
            "failure",
            "check build of web on linux/amd64: not now",
            f"{HEAD}\n| web | 🚫 cancelled |\n\n- check build of web on linux/amd64: not now",
            id="somebody cancelled its build",
        ),
        pytest.param(
            known(TWO_RECIPES, check=JobState.RUNNING),
            "running",
            "0 of 2 builds are done",
            f"{HEAD}\n| web | 🏃 running |\n| docs | 🏃 running |",
            id="it is being built",
        ),
        pytest.param(
            known(CHECKED, check=JobState.QUEUED),
            "queued",
            "check build of web on linux/amd64: job 1 is queued",
            f"{HEAD}\n| web | ⏳ waiting |\n\n- check build of web on linux/amd64: job 1 is queued",
            id="its build waits",
        ),
        pytest.param(
            CHECKED,
            "queued",
            "check build of web on linux/amd64: nothing holds it",
            f"{HEAD}\n| web | ⏳ ready |\n\n- check build of web on linux/amd64: nothing holds it",
            id="its build is about to be queued",
        ),
        pytest.param(snapshot(recipes=[]), "neutral", "There is nothing to build", "", id="there is nothing to build"),
        pytest.param(
            known(snapshot(), build=JobState.SUCCEEDED),
            "success",
            "It can be deployed",
            f"{HEAD}\n| web | ✅ done |",
            id="a release build tells it as well, whatever becomes of the deployment",
        ),
    ],
)
def test_whether_a_commit_could_be_deployed(of: Snapshot, state: str, title: str, summary: str) -> None:
    status = told(of)
    assert (status.context, status.state, status.title) == ("deployability", state, title)
    assert status.summary.startswith(summary)


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


FAILED = known(CHECKED, check=result(JobState.FAILED, reason="make exited with status 2"))
FACT = JobFact(
    url="https://deploy.example.org/jobs/1/",
    cause="src/a.c has a mistake in line 3",
    excerpt="gcc -c src/a.c\n```\nsrc/a.c:3:1: error: expected ;",
    places=[Annotation(path="src/a.c", line=3, message="expected ;")],
    finished_at=NOW,
)


def test_a_failure_is_told_with_its_cause_its_decisive_lines_and_its_places() -> None:
    status = told(FAILED, job_1=FACT)
    assert status.title == "check build of web on linux/amd64: src/a.c has a mistake in line 3"
    assert "````text\ngcc -c src/a.c\n```\nsrc/a.c:3:1: error: expected ;\n````" in status.text
    assert status.annotations == tuple(FACT.places)
    assert (status.url, status.finished_at) == (FACT.url, NOW)
    assert f"[❌ failed]({FACT.url})" in status.summary


def test_people_are_offered_what_they_can_ask_for_now() -> None:
    assert told(FAILED).actions == ("rebuild",)
    assert told(known(CHECKED, check=JobState.RUNNING)).actions == ("cancel",)
    assert told(snapshot(recipes=[])).actions == ()


def test_a_table_has_a_line_for_each_recipe_and_a_column_for_each_platform() -> None:
    platforms = ["linux/amd64", "linux/arm64"]
    of = snapshot(ref("feature"), recipes=[recipe(targets=[], platforms=platforms), recipe(2, name="docs", targets=[])])
    header, _, web, docs, *_ = told(of).summary.splitlines()
    assert header == "| recipe | linux/amd64 | linux/arm64 |"
    assert web == "| web | ⏳ ready | ⏳ ready |"
    assert docs == "| docs | ⏳ ready |  |"


def test_why_a_build_waits_is_told_in_the_words_of_its_page() -> None:
    waiting = JobFact(reason="Waits for approval: it is average.")
    assert told(known(CHECKED, check=JobState.QUEUED), job_1=waiting).title.endswith(
        "Waits for approval: it is average."
    )


def test_text_from_outside_stays_text() -> None:
    evil = "@everyone | <img src=x> [click](http://evil) `x`\nsecond"
    status = told(known(CHECKED, check=result(JobState.FAILED, reason=evil)))
    assert "@everyone" not in status.summary + status.text
    assert "<img" not in status.summary + status.text
    assert "](http://evil" not in status.summary + status.text
    assert "\nsecond" not in status.summary


def test_a_text_is_cut_before_a_source_refuses_it() -> None:
    status = told(FAILED, job_1=JobFact(cause="x" * 500, excerpt="y" * 70_000))
    assert (len(status.title), len(status.text)) == (140, 60_000)
