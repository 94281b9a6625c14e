"""What GitHub is told of commits and deployments, against its published description."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.api import Annotation, CommitStatus, DeploymentStatus, OperationError, RepositoryPlace, Waiting
from plugins.github.source import GitHubOptions, GitHubSource
from tests.github_server.fixtures import as_app, as_person
from tests.github_server.server import GitHub
from tests.github_server.state import Repository

PLACE = RepositoryPlace(name="acme/shop", options=GitHubOptions())
AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def repository(github: GitHub) -> Repository:
    return github.repository("acme/shop")


@pytest.fixture
def commit(github: GitHub, repository: Repository, tmp_path: Path) -> str:
    work = github.work(repository, tmp_path / "work")
    hash = work.commit("First")
    work.push("main")
    return hash


@pytest.fixture
def app(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    as_app(github, monkeypatch)


async def say(commit: str, state: str, **about: Any) -> None:
    status = CommitStatus(context="deployability", state=state, title=about.pop("title", f"It is {state}"), **about)
    await GitHubSource().report(PLACE, commit, status)


def runs(repository: Repository) -> list[tuple[str, str | None]]:
    return [(run["status"], run["conclusion"]) for run in repository.check_runs]


@pytest.mark.usefixtures("app")
async def test_a_commit_has_one_check_from_queued_to_the_end(repository: Repository, commit: str) -> None:
    await say(commit, "queued", title="Waits for approval")
    assert runs(repository) == [("queued", None)]
    await say(commit, "running", started_at=AT, actions=("cancel",))
    assert runs(repository) == [("in_progress", None)]
    await say(commit, "success", started_at=AT, finished_at=AT, actions=("rebuild",))
    assert runs(repository) == [("completed", "success")]
    (run,) = repository.check_runs
    assert (run["name"], run["head_sha"], run["completed_at"]) == ("deployability", commit, "2026-11-23T12:00:00Z")
    assert [action["identifier"] for action in run["actions"]] == ["rebuild"]


@pytest.mark.usefixtures("app")
async def test_a_failure_shows_its_lines_and_its_places(repository: Repository, commit: str) -> None:
    place = Annotation(path="src/a.c", line=3, message="expected ;", title="A mistake")
    await say(
        commit, "failure", summary="| a | table |", text="```text\nerror\n```", annotations=(place,), url="https://d/1"
    )
    (run,) = repository.check_runs
    assert run["output"]["summary"] == "| a | table |"
    assert run["output"]["text"] == "```text\nerror\n```"
    assert run["details_url"] == "https://d/1"
    assert run["annotations"] == [
        {
            "path": "src/a.c",
            "start_line": 3,
            "end_line": 3,
            "annotation_level": "failure",
            "message": "expected ;",
            "title": "A mistake",
        }
    ]


@pytest.mark.usefixtures("app")
async def test_what_is_built_again_begins_another_check(repository: Repository, commit: str) -> None:
    for state in ("failure", "running", "success", "success"):
        await say(commit, state)
    assert runs(repository) == [("completed", "failure"), ("completed", "success")]


@pytest.mark.usefixtures("app")
async def test_nothing_to_build_is_neutral(repository: Repository, commit: str) -> None:
    await say(commit, "neutral", title="There is nothing to build")
    assert runs(repository) == [("completed", "neutral")]


async def test_a_person_says_it_by_a_commit_status(
    github: GitHub, repository: Repository, commit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_person(github, monkeypatch)
    await say(commit, "running", url="https://d/1")
    await say(commit, "failure", title="x" * 200)
    assert [status["state"] for status in repository.statuses] == ["pending", "failure"]
    assert repository.statuses[0]["context"] == "deployability"
    assert repository.statuses[0]["target_url"] == "https://d/1"
    assert repository.check_runs == []


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("permission", "rank"), [("checks", "read"), ("checks", "none")])
async def test_a_missing_permission_is_named(
    github: GitHub, repository: Repository, commit: str, permission: str, rank: str
) -> None:
    (app,) = github.apps.values()
    app.permissions[permission] = rank
    if rank == "none":
        del app.permissions[permission]
    with pytest.raises(OperationError, match="needs the permission `Checks: read and write` on acme/shop"):
        await say(commit, "queued")
    app.permissions[permission] = "write"
    await say(commit, "queued")


@pytest.mark.usefixtures("app")
async def test_a_commit_that_github_does_not_have_is_told_as_such(repository: Repository) -> None:
    with pytest.raises(OperationError, match="No commit found"):
        await say("1" * 40, "queued")


@pytest.mark.usefixtures("app")
async def test_too_much_at_once_is_put_off(repository: Repository, commit: str) -> None:
    await say(commit, "queued")
    said = (say(commit, "running", title=f"{number} builds are done") for number in range(40))
    answers = await asyncio.gather(*said, return_exceptions=True)
    put_off = [answer for answer in answers if isinstance(answer, Waiting)]
    assert 1 <= len(put_off) <= 25
    assert all(3 < answer.retry_in < 60 for answer in put_off)


# Deployments


def moved(commit: str, state: str, **about: Any) -> DeploymentStatus:
    fields = {"id": "7", "ref": "live", "environment": "shop@edge-1", "url": "https://d/jobs/1/", **about}
    return DeploymentStatus(commit=commit, state=state, **fields)


async def tell(status: DeploymentStatus) -> None:
    await GitHubSource().report_deployment(PLACE, status)


@pytest.mark.usefixtures("app")
async def test_a_deployment_is_shown_from_its_beginning_to_its_end(repository: Repository, commit: str) -> None:
    for state in ("queued", "running", "success"):
        await tell(moved(commit, state, environment_url="https://shop.example.org"))
    (deployment,) = repository.deployments
    assert (deployment["environment"], deployment["sha"]) == ("shop@edge-1", commit)
    statuses = repository.deployment_statuses[deployment["id"]]
    assert [status["state"] for status in statuses] == ["queued", "in_progress", "success"]
    assert statuses[-1]["environment_url"] == "https://shop.example.org"
    assert statuses[-1]["log_url"] == "https://d/jobs/1/"


@pytest.mark.usefixtures("app")
async def test_two_deployments_of_one_commit_are_two(repository: Repository, commit: str) -> None:
    await tell(moved(commit, "failure"))
    await tell(moved(commit, "success", id="8"))
    assert [each["payload"] for each in repository.deployments] == [{"deployer": "7"}, {"deployer": "8"}]


@pytest.mark.usefixtures("app")
async def test_what_came_to_nothing_before_github_heard_of_it_is_not_told(repository: Repository, commit: str) -> None:
    await tell(moved(commit, "inactive"))
    assert repository.deployments == []
    await tell(moved(commit, "queued"))
    await tell(moved(commit, "inactive"))
    (deployment,) = repository.deployments
    assert [each["state"] for each in repository.deployment_statuses[deployment["id"]]] == ["queued", "inactive"]


@pytest.mark.usefixtures("app")
async def test_a_missing_permission_for_deployments_is_named(
    github: GitHub, repository: Repository, commit: str
) -> None:
    (app,) = github.apps.values()
    del app.permissions["deployments"]
    with pytest.raises(OperationError, match="Deployments: read and write"):
        await tell(moved(commit, "running"))
