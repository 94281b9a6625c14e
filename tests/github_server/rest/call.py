"""A request that is right by its description, and what answers have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from tests.github_server.accounts import App, Token
from tests.github_server.description import Operation
from tests.github_server.replies import Refusal
from tests.github_server.repositories import Repository
from tests.github_server.state import RANKS, State

#: Items on a page, unless it is said how many.
_PAGE = 30


@dataclass
class Call:
    """A request that is right by its description.

    :param app: who signed it with a JWT, and `token` who sent a token; one of them, or none.
    :param url: the address of the API.
    :param asked: the path that was asked for.
    :ivar headers: of the answer.
    """

    state: State
    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: dict[str, Any]
    token: Token | None
    app: App | None
    url: str
    asked: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.operation.method

    def repository(self, **needed: str) -> Repository:
        """The repository of the path, if it is shown to who asks.

        :param needed: permissions by name: `checks="write"`.
        :raises Refusal: it is not, is called otherwise now, or may not be used so.
        """
        found = self.named()
        if not self.state.sees(self.token, found):
            raise Refusal(404, "Not Found")
        self.follow(found)
        for permission, rank in needed.items():
            self._needs(found, permission, rank)
        return found

    def named(self) -> Repository:
        """The repository of the path, whoever asks."""
        found = self.state.find(self.path["owner"], self.path["repo"])
        if found is None:
            raise Refusal(404, "Not Found")
        return found

    def follow(self, found: Repository) -> None:
        """Send who uses an old name to the repository's number, as GitHub does."""
        asked = f"{self.path['owner']}/{self.path['repo']}"
        if asked.lower() != found.full_name.lower():
            rest = self.asked.partition("/repos/")[2].split("/", 2)[2:]
            query = f"?{urlencode(self.query)}" if self.query else ""
            location = "/".join([self.url, "repositories", str(found.id), *rest]) + query
            status, said = (301, "Moved Permanently") if self.method == "GET" else (307, "Temporary Redirect")
            raise Refusal(status, said, {"Location": location})

    def _needs(self, repository: Repository, permission: str, rank: str) -> None:
        """Refuse an installation that is not allowed this, and a person's token without the scope for it."""
        if self.token is None:
            raise Refusal(401, "Requires authentication")
        if self.token.installation is None:
            if not self.token.has_scope("repo", f"repo:{permission}", f"repo_{permission}", "public_repo"):
                raise Refusal(404, "Not Found")
            return
        given = self.state.is_given(self.token, repository) or (rank == "read" and permission == "metadata")
        if not given or RANKS.index(self.state.permission(self.token, permission)) < RANKS.index(rank):
            raise Refusal(403, "Resource not accessible by integration")

    def as_app(self) -> App:
        if self.app is None:
            raise Refusal(401, "A JSON web token could not be decoded")
        return self.app

    def as_person(self) -> Token:
        """The token of a person."""
        if self.token is None:
            raise Refusal(401, "Requires authentication")
        return self.token

    def page(self, rows: Sequence[Any]) -> list[Any]:
        """The part of a list that was asked for; the header `Link` says where others are."""
        size, number = int(self.query.get("per_page", _PAGE)), int(self.query.get("page", 1))
        size = min(max(size, 1), 100)
        last = max((len(rows) + size - 1) // size, 1)
        links = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        if number >= last:
            del links["next"], links["last"]
        if number <= 1:
            del links["prev"], links["first"]
        if links:
            self.headers["Link"] = ", ".join(
                f'<{self.url}{self.asked}?{urlencode({**self.query, "page": page})}>; rel="{name}"'
                for name, page in links.items()
            )
        return list(rows[(number - 1) * size : number * size])


Answer = tuple[int, Any]
Handler = Callable[[Call], Answer]
HANDLERS: dict[str, Handler] = {}


def on(operation: str) -> Callable[[Handler], Handler]:
    """Register what answers an operation of the description."""

    def register(handler: Handler) -> Handler:
        HANDLERS[operation] = handler
        return handler

    return register


def time(at: datetime) -> str:
    """A time as GitHub writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
