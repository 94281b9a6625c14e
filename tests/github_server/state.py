"""What the stand-in knows, and what it is asked: change it from a test as you like."""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.github_server.accounts import App, Installation, OAuthApp, Person, Token
from tests.github_server.repositories import Repository

#: Seconds that an installation's token holds, as at GitHub.
TOKEN_SECONDS = 3600
#: Points an hour for who does not say who they are.
_NOBODY = 60


@dataclass
class Limit:
    """The points of somebody in this hour. `refusal` is the status of what is refused: 403, or 429."""

    limit: int = 5000
    used: int = 0
    reset: float = 0.0
    refusal: int = 403

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


@dataclass
class Trouble:
    """Answers that are not what was asked for.

    :param status: None to answer what was asked for after all.
    :param times: how often; None for ever.
    :param seconds: after how long it is answered.
    :param drop: end the connection instead of an answer.
    """

    path: re.Pattern[str]
    status: int | None
    times: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"
    seconds: float = 0.0
    drop: bool = False


@dataclass
class Request:
    """What somebody asked.

    :param who: a login, `installation-<id>`, `app-<id>`, or nothing.
    :param cost: points that it cost.
    """

    method: str
    path: str
    operation: str = ""
    who: str = ""
    status: int = 0
    cost: int = 0


class State:
    """All of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        #: Held while a request is answered.
        self.lock = threading.RLock()
        self.clock = timedelta()
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.people: dict[str, Person] = {}
        self.apps: dict[int, App] = {}
        self.oauth_apps: dict[str, OAuthApp] = {}
        self.tokens: dict[str, Token] = {}
        self.limits: dict[tuple[str, str], Limit] = {}
        self.troubles: list[Trouble] = []
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self._ids = iter(range(1000, 10_000_000))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.clock

    def next_id(self) -> int:
        return next(self._ids)

    # Repositories

    def find(self, owner: str, name: str) -> Repository | None:
        """A repository by the name that it has or had."""
        key = f"{owner}/{name}".lower()
        return self.repositories.get(key) or self.repositories.get(self.renamed.get(key, key))

    def rename(self, repository: Repository, owner: str, name: str) -> None:
        """Rename or transfer a repository; it is found under the old name as well."""
        old, new = repository.full_name.lower(), f"{owner}/{name}".lower()
        self.repositories[new] = self.repositories.pop(old)
        self.renamed = {key: new if value == old else value for key, value in self.renamed.items()} | {old: new}
        repository.owner, repository.name = owner, name
        for installation in (each for app in self.apps.values() for each in app.installations.values()):
            if installation.repositories and old in installation.repositories:
                installation.repositories = installation.repositories - {old} | {new}

    def delete(self, repository: Repository) -> None:
        del self.repositories[repository.full_name.lower()]

    # People and tokens

    def person(self, login: str, **about: Any) -> Person:
        """Somebody of this login, made if there is nobody yet."""
        person = self.people.setdefault(login.lower(), Person(login, self.next_id()))
        for name, value in about.items():
            setattr(person, name, value)
        return person

    def token(
        self, login: str, installation: Installation | None = None, *, scopes: Sequence[str] | None = None
    ) -> Token:
        """Make a token: of an installation, or of a person, with these scopes or with all."""
        if installation is None:
            self.person(login)
        expires = self.now() + timedelta(seconds=TOKEN_SECONDS) if installation else None
        value = ("ghs_" if installation else "ghp_") + secrets.token_hex(18)
        chosen = None if scopes is None else frozenset(scopes)
        made = self.tokens[value] = Token(value, login, installation, expires, scopes=chosen)
        return made

    def sees(self, token: Token | None, repository: Repository) -> bool:
        """Whether a repository is shown."""
        if not repository.private:
            return True
        if token is None:
            return False
        return token.has_scope("repo") if token.installation is None else self.is_given(token, repository)

    def is_given(self, token: Token, repository: Repository) -> bool:
        """Whether an installation's token is for this repository."""
        assert token.installation
        if token.installation.account.lower() != repository.owner.lower():
            return False
        key = repository.full_name.lower()
        return all(chosen is None or key in chosen for chosen in (token.installation.repositories, token.repositories))

    def permission(self, token: Token, name: str) -> str:
        """What an installation's token is allowed: `none`, `read` or `write`."""
        app = next(app for app in self.apps.values() if token.installation in app.installations.values())
        granted = app.permissions if token.permissions is None else token.permissions
        return min(app.permissions.get(name, "none"), granted.get(name, "none"), key=RANKS.index)

    # Limits, and what was asked

    def limit(self, who: str, kind: str) -> Limit:
        """What is left for somebody; a new hour begins by itself."""
        limit = self.limits.setdefault((who, kind), Limit(_NOBODY if who == "nobody" else 5000))
        if limit.reset <= self.now().timestamp():
            limit.used, limit.reset = 0, self.now().timestamp() + 3600
        return limit

    def asked(self, operation: str = "") -> Sequence[Request]:
        """What was asked, of one operation or of all."""
        return [each for each in self.requests if not operation or each.operation == operation]


#: What may be allowed, the least first.
RANKS = ("none", "read", "write", "admin")
