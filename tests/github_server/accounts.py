"""Who there is: people, apps with their installations, and the tokens by which both ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Person:
    """Somebody with an account. `id` never changes, `login` may.

    :param organizations: their membership by organisation: `active` or `pending`.
    :param teams: `organisation/team`, by slugs.
    :param email: the public one; None where it is kept private.
    """

    login: str
    id: int
    name: str | None = None
    email: str | None = None
    organizations: dict[str, str] = field(default_factory=dict)
    teams: set[str] = field(default_factory=set)


@dataclass
class Installation:
    """An app at an account. `repositories` are full names in lower case; None for all of the account's."""

    id: int
    account: str
    repositories: set[str] | None
    suspended: bool = False


@dataclass
class App:
    """A GitHub App. `installations` are by account, in lower case; the newest of `deliveries` is the first."""

    id: int
    public_key: str
    permissions: dict[str, str]
    events: list[str]
    slug: str = "acme-deployer"
    hook: dict[str, Any] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    installations: dict[str, Installation] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """The other name by which it may sign."""
        return f"Iv23li{self.id:014d}"


@dataclass
class Token:
    """`installation` is None for a person's own.

    :param repositories: full names in lower case to which it was narrowed; None where it was not.
    :param permissions: to which it was narrowed; None where it was not.
    :param scopes: of a person's token; None for all.
    """

    value: str
    login: str
    installation: Installation | None
    expires_at: datetime | None
    repositories: frozenset[str] | None = None
    permissions: Mapping[str, str] | None = None
    scopes: frozenset[str] | None = None

    def has_scope(self, *any_of: str) -> bool:
        """Whether a person's token has one of these scopes."""
        return self.scopes is None or not self.scopes.isdisjoint(any_of)


@dataclass
class OAuthApp:
    """An OAuth app: a place where people log in by GitHub. `callback` is where they are sent back to."""

    client_id: str
    client_secret: str = field(repr=False)
    callback: str = ""
