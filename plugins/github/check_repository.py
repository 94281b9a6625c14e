"""Testing one repository: whether it is seen, and whether its default branch asks for the check."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from core.api import Finding, OperationError
from plugins.github.api import Api
from plugins.github.faults import Forbidden
from plugins.github.queries import Answer, Name
from plugins.github.session import Session

#: The name of the check that commits get.
CHECK = "deployability"


async def repository(now: Session, name: Name) -> AsyncIterator[Finding]:
    """Test a repository."""
    if now.credentials.anonymous:
        return
    try:
        api = await now.credentials.api_for(name.owner, name.name)
        answer = await now.lookup(api).whole(name)
    except OperationError as error:
        remedy = "give it access to the repository" if now.credentials.app else "use a token that may see it"
        yield Finding(level="error", text=f"{name}: {error}", remedy=remedy)
        return
    yield Finding(level="ok", text=f"{name}: {len(answer.heads)} branches and pull requests are seen")
    for finding in _about(name, answer):
        yield finding
    yield await _asks_for_the_check(api, name, answer.default_branch)


def _about(name: Name, answer: Answer) -> Sequence[Finding]:
    found = []
    if answer.name.lower() != str(name).lower():
        remedy = "declare it under that name"
        found.append(Finding(level="warning", text=f"{name} is called {answer.name} now", remedy=remedy))
    if answer.archived:
        found.append(Finding(level="warning", text=f"{name} is archived: nothing can be pushed to it"))
    return found


async def _asks_for_the_check(api: Api, name: Name, branch: str) -> Finding:
    """Whether a pull request can be merged into the default branch although it could not be deployed."""
    if not branch:
        return Finding(level="ok", text=f"{name} is empty")
    where = {"owner": name.owner, "name": name.name, "branch": branch}
    try:
        needed = await _by_rules(api, where) | await _by_protection(api, where)
    except OperationError as error:
        return Finding(level="warning", text=f"{name}: whether {branch} asks for `{CHECK}` cannot be told: {error}")
    if CHECK in needed:
        return Finding(level="ok", text=f"{name}: {branch} asks for `{CHECK}`")
    return Finding(
        level="warning",
        text=f"{name}: {branch} does not ask for `{CHECK}`: what could not be deployed can be merged",
        remedy=f"add `{CHECK}` to the required status checks of {branch}",
    )


async def _by_rules(api: Api, where: dict[str, str]) -> set[str]:
    rules = await api.ask("/repos/{owner}/{name}/rules/branches/{branch}", where) or []
    checks = [rule for rule in rules if rule["type"] == "required_status_checks"]
    return {each["context"] for rule in checks for each in rule["parameters"]["required_status_checks"]}


async def _by_protection(api: Api, where: dict[str, str]) -> set[str]:
    """By the older way. Without the permission `administration: read` nobody can tell, and rules may do."""
    path = "/repos/{owner}/{name}/branches/{branch}/protection/required_status_checks"
    try:
        protection = await api.ask(path, where)
    except Forbidden:
        return set()
    return set(protection["contexts"]) if protection else set()
