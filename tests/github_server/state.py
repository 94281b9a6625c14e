"""What the stand-in knows: repositories with real Git behind them, apps and their installations, tokens, limits."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt

#: Seconds that an installation's token holds, as at GitHub.
TOKEN_SECONDS = 3600


@dataclass
class PullRequest:
    number: int
    head: str
    base: str = "main"
    title: str = "A change"
    fork: bool = False
    open: bool = True
    branch: str = "topic"
    branch_gone: bool = False


@dataclass
class Repository:
    """A repository. `git` is its bare repository; what was told of its commits is kept in lists, the oldest first."""

    owner: str
    name: str
    id: int
    git: Path
    private: bool = False
    archived: bool = False
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    deployment_statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    required_checks: list[str] = field(default_factory=list)
    ruled_checks: list[str] = field(default_factory=list)

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"

    def run(self, *words: str) -> str:
        """Run git in it."""
        done = subprocess.run(["git", *words], cwd=self.git, capture_output=True, text=True, check=True)
        return done.stdout

    def pull_request(self, number: int, head: str, **about: Any) -> PullRequest:
        """Open a pull request for a commit that is in the repository already."""
        self.run("update-ref", f"refs/pull/{number}/head", head)
        self.pulls[number] = PullRequest(number, head, **about)
        return self.pulls[number]

    def branches(self) -> dict[str, str]:
        """The commit of each branch."""
        lines = self.run("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/").splitlines()
        return {ref.removeprefix("refs/heads/"): hash for hash, _, ref in (line.partition(" ") for line in lines)}

    def has(self, commit: str) -> bool:
        done = subprocess.run(
            ["git", "cat-file", "-e", f"{commit}^{{commit}}"], cwd=self.git, check=False, capture_output=True
        )
        return done.returncode == 0


@dataclass
class Installation:
    id: int
    account: str
    repositories: set[str] | None
    suspended: bool = False


@dataclass
class App:
    id: int
    public_key: str
    permissions: dict[str, str]
    events: list[str]
    hook: dict[str, Any] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    installations: dict[str, Installation] = field(default_factory=dict)


@dataclass
class Token:
    """`installation` is None for a person's own."""

    value: str
    login: str
    installation: Installation | None
    expires_at: datetime | None


@dataclass
class Limit:
    limit: int = 5000
    used: int = 0
    reset: float = 0.0

    @property
    def remaining(self) -> int:
        return max(self.limit - self.used, 0)


@dataclass
class Trouble:
    """Answers that are not what was asked for.

    :param times: how often; None for ever.
    """

    path: re.Pattern[str]
    status: int
    times: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    message: str = "Server Error"


@dataclass
class Request:
    """What somebody asked."""

    method: str
    path: str
    operation: str
    who: str
    status: int = 0


class State:
    """All of it. Change it from a test as you like."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = timedelta()
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.apps: dict[int, App] = {}
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

    def find(self, owner: str, name: str) -> Repository | None:
        """A repository by the name that it has or had."""
        key = f"{owner}/{name}".lower()
        return self.repositories.get(self.renamed.get(key, key))

    def rename(self, repository: Repository, owner: str, name: str) -> None:
        """Rename or transfer a repository; it is found under the old name as well."""
        old, new = repository.full_name.lower(), f"{owner}/{name}".lower()
        self.repositories[new] = self.repositories.pop(old)
        self.renamed = {key: new if value == old else value for key, value in self.renamed.items()} | {old: new}
        repository.owner, repository.name = owner, name

    def delete(self, repository: Repository) -> None:
        del self.repositories[repository.full_name.lower()]

    def token(self, login: str, installation: Installation | None = None) -> Token:
        """Make a token."""
        expires = self.now() + timedelta(seconds=TOKEN_SECONDS) if installation else None
        made = Token(("ghs_" if installation else "ghp_") + secrets.token_hex(18), login, installation, expires)
        self.tokens[made.value] = made
        return made

    def app_of(self, signed: str) -> App | None:
        """The app that a JWT is of; None where GitHub would not believe it."""
        try:
            issuer = int(jwt.decode(signed, options={"verify_signature": False})["iss"])
            app = self.apps[issuer]
            # By the stand-in's own clock, which a test may set.
            claims = jwt.decode(
                signed, app.public_key, algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
            )
        except (jwt.PyJWTError, KeyError, ValueError):
            return None
        now = self.now().timestamp()
        fresh = claims["iat"] <= now + 1 and now < claims["exp"] <= now + 601
        return app if fresh else None

    def sees(self, token: Token | None, repository: Repository) -> bool:
        """Whether a repository is shown."""
        if token is None or token.installation is None:
            return token is not None or not repository.private
        chosen = token.installation.repositories
        if token.installation.account.lower() != repository.owner.lower():
            return not repository.private
        return chosen is None or repository.full_name.lower() in chosen

    def limit(self, who: str, kind: str) -> Limit:
        """What is left for somebody; a new hour begins by itself."""
        limit = self.limits.setdefault((who, kind), Limit())
        if limit.reset <= self.now().timestamp():
            limit.used, limit.reset = 0, self.now().timestamp() + 3600
        return limit

    def asked(self, operation: str = "") -> Sequence[Request]:
        """What was asked, of one operation or of all."""
        return [each for each in self.requests if not operation or each.operation == operation]
