"""What GraphQL says of a repository: values by field, as the executor reads them, from its Git and its pull requests."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphql import GraphQLError

from tests.github_server.accounts import Token
from tests.github_server.repositories import Commit, PullRequest, Repository
from tests.github_server.state import RANKS, State

Fields = dict[str, Any]


def repository(state: State, token: Token, host: str, owner: str, name: str) -> Fields:
    """A repository by the name that it has or had.

    :raises GraphQLError: there is none that may be seen.
    """
    found = state.find(owner, name)
    if found is None or not state.sees(token, found):
        raise _error(f"Could not resolve to a Repository with the name '{owner}/{name}'.", "NOT_FOUND")
    about = _About(state, token, host, found)
    return {
        "id": f"R_{found.id}",
        "databaseId": found.id,
        "name": found.name,
        "nameWithOwner": found.full_name,
        "owner": {"__typename": "Organization", "login": found.owner},
        "isArchived": found.archived,
        "isPrivate": found.private,
        "url": about.url,
        "pushedAt": found.pushed_at(),
        "defaultBranchRef": lambda info, **_: about.default_branch(),
        "ref": lambda info, qualifiedName, **_: about.ref(qualifiedName),  # noqa: N803  the schema calls it so
        "refs": lambda info, refPrefix, **how: about.refs(refPrefix, how),  # noqa: N803  the schema calls it so
        "pullRequest": lambda info, number, **_: about.pull_request(number),
        "pullRequests": lambda info, **how: about.pull_requests(how),
    }


class _About:
    """Fields of one repository."""

    def __init__(self, state: State, token: Token, host: str, of: Repository) -> None:
        self._state, self._token, self._host, self._of = state, token, host, of
        self.url = f"{host}/{of.full_name}"

    def _needs(self, permission: str) -> None:
        """Refuse an installation that may not read this; whatever is public may be read."""
        if self._token.installation is None or not self._of.private:
            return
        if RANKS.index(self._state.permission(self._token, permission)) < RANKS.index("read"):
            raise _error("Resource not accessible by integration", "FORBIDDEN")

    def default_branch(self) -> Fields | None:
        return self.ref(f"refs/heads/{self._of.default_branch}")

    def ref(self, name: str) -> Fields | None:
        self._needs("contents")
        full = name if name.startswith("refs/") else f"refs/heads/{name}"
        commit = self._of.branches("refs/").get(full.removeprefix("refs/"))
        prefix, _, short = full.rpartition("/") if not full.startswith("refs/heads/") else ("refs/heads", "", full[11:])
        return self._ref(f"{prefix}/", short, self._commits([commit])[commit]) if commit else None

    def refs(self, prefix: str, how: Mapping[str, Any]) -> Fields:
        self._needs("contents")
        known = self._of.branches(prefix)
        order = how.get("orderBy") or {"field": "ALPHABETICAL", "direction": "ASC"}
        dates = self._of.commits(known.values()) if order["field"] == "TAG_COMMIT_DATE" else {}
        by_date = {name: dates[commit].committed_at for name, commit in known.items()} if dates else {}
        names = sorted(known, key=lambda name: (by_date.get(name, 0), name), reverse=order["direction"] == "DESC")
        if query := how.get("query"):
            names = [name for name in names if query.lower() in name.lower()]

        def nodes(some: Sequence[str]) -> list[Fields]:
            commits = self._commits([known[name] for name in some])
            return [self._ref(prefix, name, commits[known[name]]) for name in some]

        return _page(names, nodes, how, "refs")

    def pull_request(self, number: int) -> Fields:
        self._needs("pull_requests")
        if number not in self._of.pulls:
            raise _error(f"Could not resolve to a PullRequest with the number of {number}.", "NOT_FOUND")
        return self._pulls([self._of.pulls[number]])[0]

    def pull_requests(self, how: Mapping[str, Any]) -> Fields:
        self._needs("pull_requests")
        wanted = how.get("states")
        pulls = [each for each in self._of.pulls.values() if wanted is None or _state(each) in wanted]
        order = how.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
        pulls.sort(key=lambda each: each.number)
        if order["field"] == "UPDATED_AT":
            pulls.sort(key=lambda each: each.updated_at)
        if order["direction"] == "DESC":
            pulls.reverse()
        return _page(pulls, self._pulls, how, "pullRequests")

    # Nodes

    def _commits(self, hashes: Sequence[str]) -> dict[str, Fields]:
        return {hash: self._commit(commit) for hash, commit in self._of.commits(hashes).items()}

    def _commit(self, commit: Commit) -> Fields:
        known = next((each for each in self._state.people.values() if each.email == commit.email), None)
        user = {"__typename": "User", "login": known.login, "databaseId": known.id} if known else None
        return {
            "__typename": "Commit",
            "oid": commit.hash,
            "message": commit.message,
            "messageHeadline": commit.message.partition("\n")[0],
            "committedDate": commit.committed_at,
            "url": f"{self.url}/commit/{commit.hash}",
            "author": {"name": commit.author, "email": commit.email, "user": user},
        }

    def _ref(self, prefix: str, name: str, target: Fields) -> Fields:
        return {"id": f"REF_{self._of.id}_{name}", "name": name, "prefix": prefix, "target": target}

    def _pulls(self, some: Sequence[PullRequest]) -> list[Fields]:
        commits = self._commits([each.head for each in some])
        return [self._pull(each, commits[each.head]) for each in some]

    def _pull(self, pull: PullRequest, head: Fields) -> Fields:
        gone = pull.branch_gone
        home = f"{pull.author}/{self._of.name}" if pull.fork else self._of.full_name
        return {
            "id": f"PR_{self._of.id}_{pull.number}",
            "number": pull.number,
            "title": pull.title,
            "state": _state(pull),
            "url": f"{self.url}/pull/{pull.number}",
            "headRefOid": pull.head,
            "headRefName": pull.branch,
            "baseRefName": pull.base,
            "isCrossRepository": pull.fork,
            "isDraft": pull.draft,
            "updatedAt": pull.updated_at,
            "author": {"__typename": "User", "login": pull.author},
            "authorAssociation": pull.association,
            "headRef": None if gone else self._ref("refs/heads/", pull.branch, head),
            "headRepository": None if gone else {"nameWithOwner": home, "url": f"{self._host}/{home}"},
            "commits": lambda info, **how: _page([head], lambda some: [{"commit": c} for c in some], how, "commits"),
        }


def _state(pull: PullRequest) -> str:
    return "OPEN" if pull.open else "CLOSED"


def _page(
    items: Sequence[Any], nodes: Callable[[Sequence[Any]], Sequence[Any]], how: Mapping[str, Any], name: str
) -> Fields:
    """A part of a list, whose nodes are made when that part is known."""
    first, last = how.get("first"), how.get("last")
    if first is None and last is None:
        said = f"You must provide a `first` or `last` value to properly paginate the `{name}` connection."
        raise _error(said, "MISSING_PAGINATION_BOUNDARIES")
    start = _place(how["after"], name) if how.get("after") else 0
    end = _place(how["before"], name) - 1 if how.get("before") else len(items)
    if first is not None:
        end = min(start + first, end)
    if last is not None:
        start = max(end - last, start)
    shown = nodes(items[start:end])
    page = {
        "hasNextPage": end < len(items),
        "hasPreviousPage": start > 0,
        "startCursor": _cursor(start + 1) if shown else None,
        "endCursor": _cursor(end) if shown else None,
    }
    edges = [{"cursor": _cursor(start + number), "node": node} for number, node in enumerate(shown, start=1)]
    return {"nodes": shown, "edges": edges, "totalCount": len(items), "pageInfo": page}


def _cursor(place: int) -> str:
    """A cursor, which is opaque to whoever gets it."""
    return base64.b64encode(f"cursor:v2:{place}".encode()).decode()


def _place(cursor: str, name: str) -> int:
    try:
        return int(base64.b64decode(cursor, validate=True).decode().removeprefix("cursor:v2:"))
    except (binascii.Error, ValueError):
        said = f"`{cursor}` does not appear to be a valid cursor of the `{name}` connection."
        raise _error(said, "INVALID_CURSOR_ARGUMENTS") from None


def _error(said: str, kind: str) -> GraphQLError:
    return GraphQLError(said, extensions={"type": kind})
