"""What is asked by GraphQL of repositories, and how the answers read. Pure.

A query asks for several repositories at once: GitHub counts a point for about a hundred lists, so that ten repositories
with all their branches and pull requests cost what one does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.api import Commit, Head, RefKind

#: Branches or pull requests in one answer: GitHub allows no more.
PAGE = 100

_COMMIT = "... on Commit { oid message committedDate author { name email } }"
_BRANCHES = "nodes { name target { oid " + _COMMIT + " } } pageInfo { hasNextPage endCursor }"
_PULL_REQUESTS = (
    "nodes { number title url headRefOid baseRefName isCrossRepository headRef { target { oid "
    + _COMMIT
    + " } } } pageInfo { hasNextPage endCursor }"
)
_LIMIT = "rateLimit { limit cost remaining resetAt }"


@dataclass(frozen=True, slots=True)
class Name:
    """A repository's owner and name."""

    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the next page of each list begins; None where there is no more."""

    branches: str | None
    pull_requests: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub says of a repository, or a page of it.

    :param name: what it is called now.
    """

    name: str
    default_branch: str
    archived: bool
    heads: Sequence[Head]
    next: Pages


def first_pages(names: Sequence[Name]) -> tuple[str, dict[str, str]]:
    """The query for the first page of several repositories, and its variables. Each is under the name `r<index>`."""
    variables = {
        f"{part}{index}": getattr(name, part) for index, name in enumerate(names) for part in ("owner", "name")
    }
    parameters = ", ".join(f"${variable}: String!" for variable in variables)
    fields = " ".join(
        f"r{index}: repository(owner: $owner{index}, name: $name{index}) {{ ...whole }}" for index in range(len(names))
    )
    whole = (
        "fragment whole on Repository { nameWithOwner isArchived defaultBranchRef { name } "
        f'refs(refPrefix: "refs/heads/", first: {PAGE}) {{ {_BRANCHES} }} '
        f"pullRequests(states: OPEN, first: {PAGE}) {{ {_PULL_REQUESTS} }} }}"
    )
    return f"query({parameters}) {{ {fields} {_LIMIT} }} {whole}", variables


def next_page(name: Name, after: Pages) -> tuple[str, dict[str, str]]:
    """The query for the next page of those lists of a repository that go on. The repository is under the name `r0`."""
    variables = {"owner": name.owner, "name": name.name}
    lists = ""
    if after.branches is not None:
        variables["branches"] = after.branches
        lists += f'refs(refPrefix: "refs/heads/", first: {PAGE}, after: $branches) {{ {_BRANCHES} }} '
    if after.pull_requests is not None:
        variables["pulls"] = after.pull_requests
        lists += f"pullRequests(states: OPEN, first: {PAGE}, after: $pulls) {{ {_PULL_REQUESTS} }} "
    parameters = ", ".join(f"${variable}: String!" for variable in variables)
    repository = f"nameWithOwner isArchived defaultBranchRef {{ name }} {lists}"
    return (
        f"query({parameters}) {{ r0: repository(owner: $owner, name: $name) {{ {repository} }} {_LIMIT} }}",
        variables,
    )


def read(repository: Mapping[str, Any]) -> Answer:
    """Read what is said of one repository.

    :raises KeyError, TypeError, ValueError: it is not as GitHub's schema says.
    """
    branches, pulls = repository.get("refs") or _EMPTY, repository.get("pullRequests") or _EMPTY
    return Answer(
        name=str(repository["nameWithOwner"]),
        default_branch=str((repository["defaultBranchRef"] or {}).get("name", "")),
        archived=bool(repository["isArchived"]),
        heads=[
            *(_branch(node) for node in branches["nodes"] if node and node["target"]),
            *(_pull_request(node) for node in pulls["nodes"] if node),
        ],
        next=Pages(_next(branches), _next(pulls)),
    )


_EMPTY: Mapping[str, Any] = {"nodes": (), "pageInfo": {"hasNextPage": False}}


def _next(connection: Mapping[str, Any]) -> str | None:
    about = connection["pageInfo"]
    return str(about["endCursor"]) if about["hasNextPage"] else None


def _branch(node: Mapping[str, Any]) -> Head:
    return Head(ref=f"refs/heads/{node['name']}", kind=RefKind.BRANCH, commit=_commit(node["target"]), trusted=True)


def _pull_request(node: Mapping[str, Any]) -> Head:
    """A pull request; of one whose branch is gone only the commit's hash is known."""
    target = (node["headRef"] or {}).get("target")
    head = str(node["headRefOid"])
    known = _commit(target) if target and target["oid"] == head else Commit(hash=head, message=str(node["title"]))
    return Head(
        ref=f"refs/pull/{int(node['number'])}/head",
        kind=RefKind.PULL_REQUEST,
        commit=known,
        # Whoever can push a branch to the repository itself is trusted with it already.
        trusted=not node["isCrossRepository"],
        title=str(node["title"]),
        base=str(node["baseRefName"]),
        url=str(node["url"]),
    )


def _commit(target: Mapping[str, Any]) -> Commit:
    author = target.get("author") or {}
    date = target.get("committedDate")
    return Commit(
        hash=str(target["oid"]),
        message=str(target.get("message") or ""),
        author=f"{author.get('name') or ''} <{author.get('email') or ''}>" if author else "",
        committed_at=datetime.fromisoformat(date) if date else None,
    )
