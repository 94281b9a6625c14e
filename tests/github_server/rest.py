"""Answers by REST. Each is made from GitHub's published example, so that it has every field that GitHub's has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.github_server.description import Operation, component, example
from tests.github_server.state import App, Installation, Repository, State, Token


@dataclass
class Call:
    """A request that is right by its description.

    :param app: who signed it with a JWT, and `token` who sent a token; one of them, or none.
    """

    state: State
    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]
    token: Token | None
    app: App | None

    def repository(self) -> Repository:
        """The repository of the path, if it is shown to who asks."""
        found = self.state.find(self.path["owner"], self.path["repo"])
        if found is None or (self.app is None and not self.state.sees(self.token, found)):
            raise Refusal(404, "Not Found")
        return found

    def needs(self, permission: str, rank: str) -> None:
        """Refuse an installation that is not allowed this. A person's token is allowed everything."""
        if self.token is None:
            raise Refusal(401, "Requires authentication")
        if self.token.installation is None:
            return
        app = next(app for app in self.state.apps.values() if self.token.installation in app.installations.values())
        ranks = ["none", "read", "write"]
        if ranks.index(app.permissions.get(permission, "none")) < ranks.index(rank):
            raise Refusal(403, "Resource not accessible by integration")

    def as_app(self) -> App:
        if self.app is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        return self.app


class Refusal(Exception):  # noqa: N818  it is an answer
    """An answer that is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Answer = tuple[int, Any]
Handler = Callable[[Call], Answer]
_HANDLERS: dict[str, Handler] = {}


def answer(call: Call) -> Answer:
    """The status and body of an answer.

    :raises Refusal: it is refused.
    """
    handler = _HANDLERS.get(call.operation.id)
    if handler is None:
        raise Refusal(501, f"the stand-in does not know {call.operation.id}")
    return handler(call)


def _on(operation: str) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        _HANDLERS[operation] = handler
        return handler

    return register


# Apps


@_on("apps/get-authenticated")
def _app(call: Call) -> Answer:
    app = call.as_app()
    about = {"id": app.id, "slug": "acme-deployer", "name": "acme deployer", "permissions": app.permissions}
    return 200, {**example(call.operation), **about, "events": app.events}


@_on("apps/get-repo-installation")
def _installation(call: Call) -> Answer:
    app, repository = call.as_app(), call.repository()
    found = app.installations.get(repository.owner.lower())
    if found is None or (found.repositories is not None and repository.full_name.lower() not in found.repositories):
        raise Refusal(404, "Not Found")
    return 200, _installed(call, app, found)


def _installed(call: Call, app: App, found: Installation) -> dict[str, Any]:
    body = component("installation")
    body |= {"id": found.id, "app_id": app.id, "permissions": app.permissions, "events": app.events}
    body["account"] = {**body["account"], "login": found.account}
    body["repository_selection"] = "all" if found.repositories is None else "selected"
    body["suspended_at"] = _time(call.state.now()) if found.suspended else None
    return dict(body)


@_on("apps/create-installation-access-token")
def _access_token(call: Call) -> Answer:
    app, wanted = call.as_app(), int(call.path["installation_id"])
    found = next((each for each in app.installations.values() if each.id == wanted), None)
    if found is None:
        raise Refusal(404, "Not Found")
    if found.suspended:
        raise Refusal(403, "This installation has been suspended")
    token = call.state.token(f"installation-{found.id}", found)
    assert token.expires_at
    about = {"token": token.value, "expires_at": _time(token.expires_at), "permissions": app.permissions}
    return 201, {**about, "repository_selection": "selected"}


@_on("apps/get-webhook-config-for-app")
def _hook(call: Call) -> Answer:
    return 200, call.as_app().hook


@_on("apps/list-webhook-deliveries")
def _deliveries(call: Call) -> Answer:
    return 200, call.as_app().deliveries


# Repositories


@_on("repos/get")
def _repository(call: Call) -> Answer:
    repository = call.repository()
    about = {"id": repository.id, "name": repository.name, "full_name": repository.full_name}
    return 200, {**example(call.operation), **about, "private": repository.private, "archived": repository.archived}


@_on("repos/get-branch-rules")
def _rules(call: Call) -> Answer:
    needed = call.repository().ruled_checks
    parameters = {
        "required_status_checks": [{"context": each} for each in needed],
        "strict_required_status_checks_policy": False,
    }
    about = {"ruleset_source_type": "Repository", "ruleset_source": call.repository().full_name, "ruleset_id": 42}
    return 200, [{"type": "required_status_checks", "parameters": parameters, **about}] if needed else []


@_on("repos/get-status-checks-protection")
def _protection(call: Call) -> Answer:
    call.needs("administration", "read")
    needed = call.repository().required_checks
    if not needed:
        raise Refusal(404, "Required status checks not enabled")
    checks = [{"context": each, "app_id": None} for each in needed]
    return 200, {**example(call.operation), "contexts": needed, "checks": checks}


# Commits


def _commit_of(call: Call, name: str) -> str:
    commit = str(call.body.get(name) or call.path.get(name) or "")
    if not call.repository().has(commit):
        raise Refusal(422, f"No commit found for SHA: {commit}")
    return commit


@_on("checks/create")
def _create_check(call: Call) -> Answer:
    call.needs("checks", "write")
    if call.token is None or call.token.installation is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    repository = call.repository()
    run = component("check-run")
    run |= {
        "id": call.state.next_id(),
        "name": call.body["name"],
        "head_sha": _commit_of(call, "head_sha"),
        "status": "queued",
        "conclusion": None,
        "started_at": _time(call.state.now()),
        "completed_at": None,
        "external_id": call.body.get("external_id", ""),
        "pull_requests": [],
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": "https://x",
        },
    }
    _update(call, run)
    repository.check_runs.append(run)
    return 201, _shown(run)


@_on("checks/update")
def _update_check(call: Call) -> Answer:
    call.needs("checks", "write")
    wanted = int(call.path["check_run_id"])
    run = next((each for each in call.repository().check_runs if each["id"] == wanted), None)
    if run is None:
        raise Refusal(404, "Not Found")
    _update(call, run)
    return 200, _shown(run)


def _update(call: Call, run: dict[str, Any]) -> None:
    """Apply what was sent; annotations are added to those that are there, as GitHub does."""
    body = call.body
    for action in body.get("actions", ()):
        if len(action["label"]) > 20 or len(action["description"]) > 40 or len(action["identifier"]) > 20:
            raise Refusal(422, "an action's text is too long")
    if len(body.get("actions", ())) > 3 or len(body.get("output", {}).get("annotations", ())) > 50:
        raise Refusal(422, "too many actions or annotations")
    if body.get("status") == "completed" and not body.get("conclusion"):
        raise Refusal(422, "conclusion is missing")
    run |= {name: body[name] for name in ("status", "details_url", "started_at", "completed_at") if name in body}
    if body.get("conclusion"):
        run |= {"conclusion": body["conclusion"], "status": "completed"}
        run["completed_at"] = run["completed_at"] or _time(call.state.now())
    elif body.get("status") in ("queued", "in_progress"):
        run |= {"conclusion": None, "completed_at": None}
    output = body.get("output", {})
    run["output"] |= {name: output[name] for name in ("title", "summary", "text") if name in output}
    run.setdefault("annotations", []).extend(output.get("annotations", ()))
    run["output"]["annotations_count"] = len(run["annotations"])
    run["actions"] = body.get("actions", [])


def _shown(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in run.items() if name not in ("annotations", "actions")}


@_on("checks/list-for-ref")
def _checks(call: Call) -> Answer:
    call.needs("checks", "read")
    runs = [run for run in call.repository().check_runs if run["head_sha"] == call.path["ref"]]
    if name := call.query.get("check_name"):
        runs = [run for run in runs if run["name"] == name]
    if call.query.get("filter", "latest") == "latest":
        runs = list({run["name"]: run for run in runs}.values())
    return 200, {"total_count": len(runs), "check_runs": [_shown(run) for run in runs]}


@_on("repos/create-commit-status")
def _status(call: Call) -> Answer:
    call.needs("statuses", "write")
    if len(call.body.get("description") or "") > 140:
        raise Refusal(422, "description is too long (maximum is 140 characters)")
    made = {**component("status"), **call.body, "id": call.state.next_id()}
    call.repository().statuses.append({**made, "sha": _commit_of(call, "sha")})
    return 201, made


# Deployments


@_on("repos/create-deployment")
def _deployment(call: Call) -> Answer:
    call.needs("deployments", "write")
    made = component("deployment")
    told = {name: call.body[name] for name in ("task", "environment", "description", "payload") if name in call.body}
    made |= {**told, "id": call.state.next_id(), "sha": _commit_of(call, "ref"), "ref": call.body["ref"]}
    call.repository().deployments.append(made)
    return 201, made


@_on("repos/list-deployments")
def _deployments(call: Call) -> Answer:
    call.needs("deployments", "read")
    wanted = {name: call.query[name] for name in ("sha", "environment") if name in call.query}
    rows = [
        each for each in call.repository().deployments if all(each[name] == value for name, value in wanted.items())
    ]
    return 200, rows


@_on("repos/create-deployment-status")
def _deployment_status(call: Call) -> Answer:
    call.needs("deployments", "write")
    wanted = int(call.path["deployment_id"])
    if all(each["id"] != wanted for each in call.repository().deployments):
        raise Refusal(404, "Not Found")
    if len(call.body.get("description") or "") > 140:
        raise Refusal(422, "description is too long (maximum is 140 characters)")
    made = {**component("deployment-status"), **call.body, "id": call.state.next_id()}
    call.repository().deployment_statuses.setdefault(wanted, []).append(made)
    return 201, made


# People


@_on("users/get-authenticated")
def _user(call: Call) -> Answer:
    if call.token is None:
        raise Refusal(401, "Requires authentication")
    return 200, {**example(call.operation), "login": call.token.login, "user_view_type": "private"}


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
