"""Questions by GraphQL: checked against GitHub's schema and executed over the stand-in's repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from graphql import ExecutionResult, GraphQLError, graphql_sync

from tests.github_server import published
from tests.github_server.state import PullRequest, Repository, State, Token

#: Records in one list, at most.
_FIRST = 100


def execute(state: State, token: Token, host: str, request: dict[str, Any]) -> dict[str, Any]:
    """Answer a question, as GitHub does: always a body; what could not be answered is among its `errors`."""
    limit = state.limit(token.login, "graphql")
    limit.used += 1
    root = {
        "repository": lambda info, owner, name, **_: _repository(state, token, host, owner, name),
        "rateLimit": lambda info, **_: {
            "limit": limit.limit,
            "cost": 1,
            "remaining": limit.remaining,
            "used": limit.used,
            "resetAt": _time(limit.reset),
            "nodeCount": 1,
        },
        "viewer": lambda info, **_: {"login": token.login},
    }
    result = graphql_sync(
        published.graphql_schema(), str(request.get("query", "")), root, variable_values=request.get("variables") or {}
    )
    if result.data is None and result.errors:
        state.violations += [error.message for error in result.errors]
    return _formatted(result)


def _formatted(result: ExecutionResult) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if result.data is not None:
        answer["data"] = result.data
    if result.errors:
        answer["errors"] = [
            {
                **({"type": error.extensions["type"]} if error.extensions else {}),
                **({"path": error.path} if error.path else {}),
                "locations": [{"line": each.line, "column": each.column} for each in error.locations or ()],
                "message": error.message,
            }
            for error in result.errors
        ]
    return answer


def _repository(state: State, token: Token, host: str, owner: str, name: str) -> dict[str, Any]:
    found = state.find(owner, name)
    if found is None or not state.sees(token, found):
        raise GraphQLError(
            f"Could not resolve to a Repository with the name '{owner}/{name}'.", extensions={"type": "NOT_FOUND"}
        )
    default = found.run("symbolic-ref", "HEAD").strip().removeprefix("refs/heads/")
    branches = found.branches()
    return {
        "nameWithOwner": found.full_name,
        "isArchived": found.archived,
        "isPrivate": found.private,
        "url": f"{host}/{found.full_name}",
        "defaultBranchRef": _ref(found, default, branches[default]) if default in branches else None,
        "refs": lambda info, first=None, after=None, **_: _page(
            [_ref(found, each, commit) for each, commit in sorted(branches.items())], first, after, "refs"
        ),
        "pullRequests": lambda info, states=None, first=None, after=None, **_: _page(
            [
                _pull(found, host, each)
                for each in sorted(found.pulls.values(), key=lambda each: each.number)
                if each.open
            ],
            first,
            after,
            "pullRequests",
        ),
    }


def _page(nodes: Sequence[Any], first: int | None, after: str | None, name: str) -> dict[str, Any]:
    """A part of a list. A cursor is opaque to whoever gets it."""
    if first is None:
        raise GraphQLError(f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.")
    if first > _FIRST:
        said = f"Requesting {first} records on the `{name}` connection exceeds the `first` limit of 100 records."
        raise GraphQLError(said, extensions={"type": "EXCESSIVE_PAGINATION"})
    start = int(after.removeprefix("cursor:")) if after else 0
    end = min(start + first, len(nodes))
    return {
        "nodes": nodes[start:end],
        "totalCount": len(nodes),
        "pageInfo": {
            "hasNextPage": end < len(nodes),
            "hasPreviousPage": start > 0,
            "startCursor": f"cursor:{start}",
            "endCursor": f"cursor:{end}",
        },
    }


def _ref(repository: Repository, name: str, commit: str) -> dict[str, Any]:
    return {"name": name, "prefix": "refs/heads/", "target": lambda info, **_: _commit(repository, commit)}


def _commit(repository: Repository, hash: str) -> dict[str, Any]:
    said = subprocess.run(
        ["git", "show", "--no-patch", "--format=%H%x00%B%x00%cI%x00%an%x00%ae", hash],
        cwd=repository.git,
        capture_output=True,
        check=True,
    ).stdout.decode(errors="replace")
    oid, message, date, name, email = said.rstrip("\n").split("\0")
    return {
        "__typename": "Commit",
        "oid": oid,
        "message": message.rstrip("\n"),
        "committedDate": datetime.fromisoformat(date).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "author": {"name": name, "email": email},
    }


def _pull(repository: Repository, host: str, pull: PullRequest) -> dict[str, Any]:
    return {
        "number": pull.number,
        "title": pull.title,
        "url": f"{host}/{repository.full_name}/pull/{pull.number}",
        "headRefOid": pull.head,
        "headRefName": pull.branch,
        "baseRefName": pull.base,
        "isCrossRepository": pull.fork,
        "isDraft": False,
        "headRef": None if pull.branch_gone else _ref(repository, pull.branch, pull.head),
    }


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
