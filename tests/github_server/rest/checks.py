"""Check runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.github_server.accounts import App
from tests.github_server.description import component
from tests.github_server.replies import Refusal
from tests.github_server.rest.call import Answer, Call, on, time


@on("checks/create")
def _create(call: Call) -> Answer:
    repository, app = call.repository(checks="write"), _app(call)
    commit = call.body["head_sha"]
    if not repository.has(commit):
        raise Refusal(422, f"No commit found for SHA: {commit}")
    run: dict[str, Any] = component("check-run")
    number = call.state.next_id()
    api = f"{call.url}/repos/{repository.full_name}/check-runs/{number}"
    page = f"{call.url.removesuffix('/api/v3')}/{repository.full_name}/runs/{number}"
    run |= {"id": number, "name": call.body["name"], "head_sha": commit, "url": api, "html_url": page}
    run |= {"status": "queued", "conclusion": None, "started_at": time(call.state.now()), "completed_at": None}
    run |= {"external_id": call.body.get("external_id", ""), "details_url": page, "pull_requests": []}
    run["app"] = {**run["app"], "id": app.id, "slug": app.slug, "name": app.slug}
    run["output"] = {"title": None, "summary": None, "text": None, "annotations_count": 0}
    run["output"]["annotations_url"] = f"{api}/annotations"
    _apply(call, run)
    repository.check_runs.append(run)
    return 201, _shown(run)


@on("checks/update")
def _update(call: Call) -> Answer:
    repository, app = call.repository(checks="write"), _app(call)
    run = _numbered(call, repository.check_runs)
    if run["app"]["id"] != app.id:
        said = f"Invalid app_id `{app.id}` - check run can only be modified by the GitHub App that created it."
        raise Refusal(403, said)
    run["name"] = call.body.get("name", run["name"])
    _apply(call, run)
    return 200, _shown(run)


@on("checks/get")
def _get(call: Call) -> Answer:
    return 200, _shown(_numbered(call, call.repository(checks="read").check_runs))


def _numbered(call: Call, runs: list[dict[str, Any]]) -> dict[str, Any]:
    found = next((run for run in runs if run["id"] == int(call.path["check_run_id"])), None)
    if found is None:
        raise Refusal(404, "Not Found")
    return found


def _app(call: Call) -> App:
    """The app whose check run it is: nobody else may have any."""
    if call.token is None or call.token.installation is None:
        raise Refusal(403, "You must authenticate via a GitHub App.")
    return next(app for app in call.state.apps.values() if call.token.installation in app.installations.values())


def _apply(call: Call, run: dict[str, Any]) -> None:
    """Apply what was sent; annotations are added to those that are there, as GitHub does."""
    body = call.body
    if body.get("status") == "completed" and not body.get("conclusion"):
        raise Refusal(422, 'Invalid request.\n\nMissing required key "conclusion".')
    run |= {name: body[name] for name in ("status", "details_url", "started_at", "completed_at") if name in body}
    if body.get("conclusion"):
        run |= {"conclusion": body["conclusion"], "status": "completed"}
        run["completed_at"] = run["completed_at"] or time(call.state.now())
    elif body.get("status") in ("queued", "in_progress"):
        run |= {"conclusion": None, "completed_at": None}
    output = body.get("output", {})
    run["output"] |= {name: output[name] for name in ("title", "summary", "text") if name in output}
    run.setdefault("annotations", []).extend(output.get("annotations", ()))
    run["output"]["annotations_count"] = len(run["annotations"])
    run["actions"] = body.get("actions", [])


def _shown(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run as it is told; what it offers to do is told to nobody."""
    return {name: value for name, value in run.items() if name not in ("annotations", "actions")}


@on("checks/list-for-ref")
def _of_commit(call: Call) -> Answer:
    repository = call.repository(checks="read")
    commit = repository.resolve(call.path["ref"])
    if commit is None:
        raise Refusal(422, f"No commit found for SHA: {call.path['ref']}")
    runs = [run for run in reversed(repository.check_runs) if run["head_sha"] == commit]
    for name, of in (("check_name", "name"), ("status", "status")):
        runs = [run for run in runs if name not in call.query or run[of] == call.query[name]]
    runs = [run for run in runs if "app_id" not in call.query or str(run["app"]["id"]) == call.query["app_id"]]
    if call.query.get("filter", "latest") == "latest":
        # The newest is the first; of each app and name only that one.
        runs = list({(run["app"]["id"], run["name"]): run for run in reversed(runs)}.values())[::-1]
    return 200, {"total_count": len(runs), "check_runs": call.page([_shown(run) for run in runs])}


@on("checks/list-annotations")
def _annotations(call: Call) -> Answer:
    run = _numbered(call, call.repository(checks="read").check_runs)
    none = {"start_column": None, "end_column": None, "title": None, "raw_details": None, "blob_href": run["html_url"]}
    return 200, call.page([{**none, **each} for each in run["annotations"]])
