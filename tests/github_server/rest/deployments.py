"""Deployments and what becomes of them."""

from __future__ import annotations

from typing import Any

from tests.github_server.description import component
from tests.github_server.replies import Refusal
from tests.github_server.repositories import Repository
from tests.github_server.rest.call import Answer, Call, on, time

#: What a deployment is unless it is said otherwise ("Create a deployment").
_DEFAULTS: dict[str, Any] = {"task": "deploy", "environment": "production", "description": None, "payload": {}}


@on("repos/create-deployment")
def _create(call: Call) -> Answer:
    repository = call.repository(deployments="write")
    commit = repository.resolve(call.body["ref"])
    if commit is None:
        raise Refusal(422, f"No ref found for: {call.body['ref']}")
    _check_contexts(call, repository, commit)
    told = {name: call.body.get(name, default) for name, default in _DEFAULTS.items()}
    at, number = time(call.state.now()), call.state.next_id()
    api = f"{call.url}/repos/{repository.full_name}/deployments/{number}"
    made: dict[str, Any] = {**component("deployment"), **told, "id": number, "sha": commit, "ref": call.body["ref"]}
    made |= {"original_environment": told["environment"], "created_at": at, "updated_at": at, "url": api}
    made |= {"transient_environment": call.body.get("transient_environment", False)}
    made |= {"production_environment": call.body.get("production_environment", told["environment"] == "production")}
    made |= {"statuses_url": f"{api}/statuses", "repository_url": f"{call.url}/repos/{repository.full_name}"}
    repository.deployments.append(made)
    return 201, made


def _check_contexts(call: Call, repository: Repository, commit: str) -> None:
    """Refuse a commit whose checks did not succeed, where nobody said that they do not matter."""
    wanted = call.body.get("required_contexts")
    said = {run["name"]: run["conclusion"] for run in repository.check_runs if run["head_sha"] == commit}
    said |= {each["context"]: each["state"] for each in repository.statuses if each["sha"] == commit}
    for name in said if wanted is None else wanted:
        if said.get(name) not in ("success", "neutral", "skipped"):
            raise Refusal(409, f"Conflict: Commit status checks failed for {call.body['ref']}.")


@on("repos/list-deployments")
def _list(call: Call) -> Answer:
    repository = call.repository(deployments="read")
    wanted = {name: call.query[name] for name in ("sha", "ref", "task", "environment") if name in call.query}
    rows = [each for each in repository.deployments if all(each[name] == value for name, value in wanted.items())]
    return 200, call.page(rows[::-1])


@on("repos/get-deployment")
def _get(call: Call) -> Answer:
    return 200, _numbered(call, call.repository(deployments="read"))


@on("repos/create-deployment-status")
def _create_status(call: Call) -> Answer:
    repository = call.repository(deployments="write")
    deployment = _numbered(call, repository)
    if len(call.body.get("description") or "") > 140:
        raise Refusal(422, "Validation Failed: description is too long (maximum is 140 characters)")
    made = _add(call, repository, deployment, call.body)
    if call.body["state"] == "success" and call.body.get("auto_inactive", True):
        _end_others(call, repository, deployment)
    return 201, made


def _add(call: Call, repository: Repository, deployment: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    at = time(call.state.now())
    told = {name: said.get(name, "") for name in ("description", "environment_url", "log_url")}
    made = {**component("deployment-status"), **told, "state": said["state"], "id": call.state.next_id()}
    made |= {"environment": said.get("environment", deployment["environment"]), "created_at": at, "updated_at": at}
    made |= {"target_url": told["log_url"], "deployment_url": deployment["url"]}
    made["url"] = f"{deployment['statuses_url']}/{made['id']}"
    repository.deployment_statuses.setdefault(deployment["id"], []).append(made)
    deployment["updated_at"] = at
    return made


def _end_others(call: Call, repository: Repository, deployment: dict[str, Any]) -> None:
    """Call what was live in the same environment inactive, unless it is passing or production, as GitHub does."""
    for other in repository.deployments:
        said = repository.deployment_statuses.get(other["id"])
        kept = other["transient_environment"] or other["production_environment"] or other["id"] >= deployment["id"]
        if said and said[-1]["state"] == "success" and not kept and other["environment"] == deployment["environment"]:
            _add(call, repository, other, {"state": "inactive"})


@on("repos/list-deployment-statuses")
def _statuses(call: Call) -> Answer:
    repository = call.repository(deployments="read")
    deployment = _numbered(call, repository)
    return 200, call.page(repository.deployment_statuses.get(deployment["id"], [])[::-1])


def _numbered(call: Call, repository: Repository) -> dict[str, Any]:
    wanted = int(call.path["deployment_id"])
    found = next((each for each in repository.deployments if each["id"] == wanted), None)
    if found is None:
        raise Refusal(404, "Not Found")
    return found
