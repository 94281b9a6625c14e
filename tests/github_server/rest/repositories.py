"""Repositories, and what their branches ask for."""

from __future__ import annotations

from typing import Any

from tests.github_server.description import component, example
from tests.github_server.replies import Refusal
from tests.github_server.repositories import Repository
from tests.github_server.rest.call import Answer, Call, on, time


@on("repos/get")
def _repository(call: Call) -> Answer:
    repository = call.repository(metadata="read") if call.token else call.repository()
    body = {**example(call.operation), **shown(call, repository)}
    for other in ("source", "parent", "template_repository"):
        body.pop(other, None)
    return 200, body


def shown(call: Call, repository: Repository) -> dict[str, Any]:
    """A repository in brief."""
    api, page = f"{call.url}/repos/{repository.full_name}", f"{call.url.removesuffix('/api/v3')}/{repository.full_name}"
    # Some answers have a few fields more of it than others.
    body: dict[str, Any] = component("repository-paginated-2")["repositories"][0] | component("minimal-repository")
    body |= {"id": repository.id, "name": repository.name, "full_name": repository.full_name, "url": api}
    body |= {"private": repository.private, "archived": repository.archived, "html_url": page, "language": None}
    body |= {"visibility": "private" if repository.private else "public", "default_branch": repository.default_branch}
    body |= {"pushed_at": time(repository.pushed_at()), "clone_url": f"{page}.git"}
    body["owner"] = {**body["owner"], "login": repository.owner}
    return body


@on("repos/get-branch-rules")
def _rules(call: Call) -> Answer:
    repository = call.repository()
    needed = repository.ruled_checks
    parameters = {
        "required_status_checks": [{"context": each} for each in needed],
        "strict_required_status_checks_policy": False,
    }
    about = {"ruleset_source_type": "Repository", "ruleset_source": repository.full_name, "ruleset_id": 42}
    return 200, [{"type": "required_status_checks", "parameters": parameters, **about}] if needed else []


@on("repos/get-status-checks-protection")
def _protection(call: Call) -> Answer:
    repository = call.repository(administration="read")
    if call.path["branch"] not in repository.branches():
        raise Refusal(404, "Branch not found")
    needed = repository.required_checks
    if not needed:
        raise Refusal(404, "Branch not protected")
    checks = [{"context": each, "app_id": None} for each in needed]
    return 200, {**example(call.operation), "contexts": needed, "checks": checks}
