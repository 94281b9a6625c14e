"""What is said to GitHub, as values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.api import Annotation, CommitStatus, DeploymentStatus
from plugins.github import messages

AT = datetime(2026, 11, 23, 12, 0, 5, 123, tzinfo=UTC)


def status(state: str, **fields: object) -> CommitStatus:
    return CommitStatus(context="deployability", state=state, title="A title", **fields)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("queued", {"status": "queued"}),
        ("running", {"status": "in_progress"}),
        ("success", {"status": "completed", "conclusion": "success"}),
        ("failure", {"status": "completed", "conclusion": "failure"}),
        ("neutral", {"status": "completed", "conclusion": "neutral"}),
    ],
)
def test_a_state_is_said_in_githubs_words(state: str, said: dict[str, str]) -> None:
    body = messages.check_run(status(state))
    assert {name: body[name] for name in ("status", "conclusion") if name in body} == said


def test_times_are_said_without_fractions_and_the_end_only_of_what_has_ended() -> None:
    running = messages.check_run(status("running", started_at=AT, finished_at=AT))
    assert running["started_at"] == "2026-11-23T12:00:05Z"
    assert "completed_at" not in running
    assert messages.check_run(status("failure", finished_at=AT))["completed_at"] == "2026-11-23T12:00:05Z"


def test_people_are_offered_buttons_that_github_allows() -> None:
    (action,) = messages.check_run(status("failure", actions=("rebuild",)))["actions"]
    assert action["identifier"] == "rebuild"
    assert len(action["label"]) <= 20
    assert len(action["description"]) <= 40
    assert messages.check_run(status("neutral"))["actions"] == []


def test_annotations_are_at_most_as_many_as_github_takes_at_once() -> None:
    many = tuple(Annotation(path="a.c", line=line, message="") for line in range(1, 200))
    said = messages.check_run(status("failure", annotations=many))["output"]["annotations"]
    assert len(said) == 50
    assert said[0] == {
        "path": "a.c",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "failure",
        "message": "A title",
    }


def test_texts_are_cut_before_github_refuses_them() -> None:
    output = messages.check_run(status("failure", summary="s" * 70_000, text="t" * 70_000))["output"]
    assert len(output["summary"]) <= 65_535
    assert len(output["text"]) <= 65_535
    body = messages.commit_status(CommitStatus(context="c", state="failure", title="x" * 300))
    assert len(body["description"]) == 140


@pytest.mark.parametrize("url", ["", "ftp://x", "javascript:alert(1)"])
def test_only_an_address_of_the_web_is_said_to_be_one(url: str) -> None:
    assert "details_url" not in messages.check_run(status("queued", url=url))
    assert "target_url" not in messages.commit_status(status("queued", url=url))


@pytest.mark.parametrize(
    ("state", "said"), [("queued", "pending"), ("running", "pending"), ("failure", "failure"), ("neutral", "success")]
)
def test_a_commit_status_knows_fewer_states(state: str, said: str) -> None:
    assert messages.commit_status(status(state))["state"] == said


def test_a_deployment_is_of_the_commit_whatever_its_checks_say() -> None:
    told = DeploymentStatus(id="7", commit="a" * 40, ref="live", environment="shop", state="running")
    body = messages.deployment(told)
    assert (body["ref"], body["required_contexts"], body["auto_merge"]) == ("a" * 40, [], False)
    assert messages.is_of({"payload": body["payload"]}, told)
    assert not messages.is_of({"payload": {"deployer": "8"}}, told)
    assert not messages.is_of({"payload": "{}"}, told)
    assert messages.deployment_status(told)["state"] == "in_progress"
