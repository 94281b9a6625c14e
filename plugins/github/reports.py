"""Telling GitHub what became of a commit: by a check run as an app, by a commit status otherwise."""

from __future__ import annotations

from typing import Any

from core.api import CommitStatus, OperationError
from plugins.github import messages
from plugins.github.api import Api
from plugins.github.faults import Forbidden
from plugins.github.queries import Name
from plugins.github.session import Session

_COMMIT = "/repos/{owner}/{name}/commits/{sha}"


async def report(now: Session, name: Name, commit: str, status: CommitStatus) -> None:
    """Say it; once more says it anew, and never twice side by side.

    :raises OperationError: GitHub does not answer, or the app or token may not say it.
    """
    api = await now.credentials.api_for(name.owner, name.name)
    where = {"owner": name.owner, "name": name.name, "sha": commit}
    try:
        if now.credentials.app:
            await _check_run(api, where, now.credentials.app.id, commit, status)
        else:
            await api.do("POST", "/repos/{owner}/{name}/statuses/{sha}", where, messages.commit_status(status))
    except Forbidden as error:
        right = "Checks: read and write" if now.credentials.app else "Commit statuses: read and write"
        raise OperationError(f"{error}. It needs the permission `{right}` on {name}") from None


async def _check_run(api: Api, where: dict[str, str], app: str, commit: str, status: CommitStatus) -> None:
    """Update the check run of this commit if it goes on, or if only its text changes; begin another one otherwise."""
    said = messages.check_run(status)
    known = await _newest(api, where, app, status.context)
    if known is not None and (known["status"] != "completed" or said["status"] == "completed"):
        run = {**where, "id": str(known["id"])}
        await api.do("PATCH", "/repos/{owner}/{name}/check-runs/{id}", run, said)
    else:
        begun = {**said, "name": status.context, "head_sha": commit, "external_id": commit}
        await api.do("POST", "/repos/{owner}/{name}/check-runs", where, begun)


async def _newest(api: Api, where: dict[str, str], app: str, context: str) -> dict[str, Any] | None:
    path = f"{_COMMIT}/check-runs{{?check_name,app_id,filter,per_page}}"
    wanted = {**where, "check_name": context, "filter": "latest", "per_page": "100"}
    if app.isdigit():
        wanted["app_id"] = app
    answer = await api.ask(path, wanted)
    runs: list[dict[str, Any]] = answer["check_runs"] if answer else []
    return max(runs, key=lambda run: int(run["id"]), default=None)
