"""Commit statuses: what who is no app says of a commit."""

from __future__ import annotations

from typing import Any

from tests.github_server.description import component
from tests.github_server.replies import Refusal
from tests.github_server.repositories import Repository
from tests.github_server.rest.call import Answer, Call, on, time
from tests.github_server.rest.repositories import shown


@on("repos/create-commit-status")
def _create(call: Call) -> Answer:
    repository = call.repository(statuses="write")
    commit = call.path["sha"]
    if not repository.has(commit):
        raise Refusal(422, f"No commit found for SHA: {commit}")
    if len(call.body.get("description") or "") > 140:
        raise Refusal(422, "Validation Failed: description is too long (maximum is 140 characters)")
    at = time(call.state.now())
    said = {"context": "default", "description": None, "target_url": None, **call.body, "created_at": at}
    made = {**component("status"), **said, "updated_at": at, "id": call.state.next_id()}
    made["url"] = f"{call.url}/repos/{repository.full_name}/statuses/{commit}"
    repository.statuses.append({**made, "sha": commit})
    return 201, made


@on("repos/list-commit-statuses-for-ref")
def _list(call: Call) -> Answer:
    repository = call.repository(statuses="read")
    return 200, call.page([_shown(each) for each in _of(repository, call.path["ref"])])


@on("repos/get-combined-status-for-ref")
def _combined(call: Call) -> Answer:
    repository = call.repository(statuses="read")
    newest = {each["context"]: each for each in reversed(_of(repository, call.path["ref"]))}
    commit = repository.resolve(call.path["ref"])
    url = f"{call.url}/repos/{repository.full_name}/commits/{commit}"
    rows = [{name: value for name, value in _shown(each).items() if name != "creator"} for each in newest.values()]
    body = {"sha": commit, "total_count": len(rows), "statuses": call.page(rows), "state": state(newest)}
    return 200, {**body, "commit_url": url, "url": f"{url}/status", "repository": shown(call, repository)}


def state(newest: dict[str, dict[str, Any]]) -> str:
    """What statuses amount to together: failure, pending or success."""
    states = {each["state"] for each in newest.values()}
    if states & {"failure", "error"}:
        return "failure"
    return "pending" if not states or "pending" in states else "success"


def _of(repository: Repository, ref: str) -> list[dict[str, Any]]:
    """What was said of a commit, the newest first."""
    commit = repository.resolve(ref)
    if commit is None:
        raise Refusal(404, "Not Found")
    return [each for each in reversed(repository.statuses) if each["sha"] == commit]


def _shown(status: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name != "sha"}
