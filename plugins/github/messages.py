"""What is said to GitHub: the bodies of requests, as values. Nothing is sent here.

Limits are those of GitHub's REST description: a title of any length, 65,535 characters of summary and text, 50
annotations a request, three actions with a label of 20 and a description of 40 characters, 140 characters for the
description of a commit status or of a deployment.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.api import CommitStatus, DeploymentStatus

_TEXT, _DESCRIPTION, _ANNOTATIONS, _MESSAGE = 65_000, 140, 50, 20_000

_CONCLUSIONS = {"success": "success", "failure": "failure", "neutral": "neutral"}
_ACTIONS = {
    "rebuild": {"label": "Rebuild", "description": "Build what failed once more.", "identifier": "rebuild"},
    "cancel": {"label": "Cancel", "description": "Stop the builds of this commit.", "identifier": "cancel"},
}
_COMMIT_STATES = {"queued": "pending", "running": "pending", "failure": "failure", "success": "success"}
_DEPLOYMENT_STATES = {"queued": "queued", "running": "in_progress"}


def check_run(status: CommitStatus) -> dict[str, Any]:
    """The body that creates or updates a check run, but for what says of which commit it is."""
    output: dict[str, Any] = {"title": status.title, "summary": _cut(status.summary or status.title, _TEXT)}
    if status.text:
        output["text"] = _cut(status.text, _TEXT)
    if status.annotations:
        output["annotations"] = [
            {
                "path": each.path,
                "start_line": each.line,
                "end_line": each.line,
                "annotation_level": "failure",
                "message": _cut(each.message or each.title or status.title, _MESSAGE),
                **({"title": _cut(each.title, 255)} if each.title else {}),
            }
            for each in status.annotations[:_ANNOTATIONS]
        ]
    said: dict[str, Any] = {"status": "in_progress" if status.state == "running" else "queued", "output": output}
    if status.state in _CONCLUSIONS:
        said |= {"status": "completed", "conclusion": _CONCLUSIONS[status.state]}
        said |= _time("completed_at", status.finished_at)
    return {
        **said,
        "actions": [_ACTIONS[each] for each in status.actions],
        **_address("details_url", status.url),
        **_time("started_at", status.started_at),
    }


def commit_status(status: CommitStatus) -> dict[str, Any]:
    """The body that sets a commit status. It knows no neutral."""
    return {
        "state": _COMMIT_STATES.get(status.state, "success"),
        "context": status.context,
        "description": _cut(status.title, _DESCRIPTION),
        **_address("target_url", status.url),
    }


def deployment(status: DeploymentStatus) -> dict[str, Any]:
    """The body that begins a deployment: of this commit, whatever its checks say, and merged with nothing."""
    return {
        "ref": status.commit,
        "task": "deploy",
        "auto_merge": False,
        "required_contexts": [],
        "environment": status.environment,
        "description": _cut(f"{status.ref} as {status.environment}", _DESCRIPTION),
        "payload": {"deployer": status.id},
    }


def deployment_status(status: DeploymentStatus) -> dict[str, Any]:
    """The body that says how far a deployment has come."""
    return {
        "state": _DEPLOYMENT_STATES.get(status.state, status.state),
        "description": _cut(status.description, _DESCRIPTION),
        "environment": status.environment,
        **_address("log_url", status.url),
        **_address("environment_url", status.environment_url),
    }


def is_of(deployment: Mapping[str, Any], status: DeploymentStatus) -> bool:
    """Whether a deployment that GitHub knows is this one of ours."""
    payload = deployment.get("payload")
    with contextlib.suppress(ValueError, TypeError):
        payload = json.loads(payload) if isinstance(payload, str) else payload
    return isinstance(payload, Mapping) and payload.get("deployer") == status.id


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _address(name: str, url: str) -> dict[str, str]:
    return {name: url} if url.startswith(("http://", "https://")) else {}


def _time(name: str, at: datetime | None) -> dict[str, str]:
    return {name: at.strftime("%Y-%m-%dT%H:%M:%SZ")} if at else {}
