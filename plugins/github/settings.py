"""What is set for this plugin: which GitHub, and as whom it is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.api import ConfigurationError, secret, secret_file

#: The environment variables that are read here.
URL, APP_ID, OAUTH_CLIENT_ID = "DEPLOYER_GITHUB_URL", "DEPLOYER_GITHUB_APP_ID", "DEPLOYER_GITHUB_OAUTH_CLIENT_ID"
_PUBLIC = "https://github.com"


@dataclass(frozen=True, slots=True)
class Server:
    """A GitHub. `url` is the address of its pages, without a slash at the end."""

    url: str

    @property
    def rest(self) -> str:
        """Where its REST API is (docs.github.com, "Getting started with the REST API", for both kinds of server)."""
        return "https://api.github.com" if self.url == _PUBLIC else f"{self.url}/api/v3"

    @property
    def graphql(self) -> str:
        """Where its GraphQL API is."""
        return "https://api.github.com/graphql" if self.url == _PUBLIC else f"{self.url}/api/graphql"

    @property
    def host(self) -> str:
        """Its name, for people."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App. `key` is its private key in PEM."""

    id: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """What lets people log in."""

    client_id: str
    client_secret: str = field(repr=False)


def server() -> Server:
    """The GitHub that is used.

    :raises ConfigurationError: its address is none.
    """
    url = os.environ.get(URL, "").rstrip("/") or _PUBLIC
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise ConfigurationError(f"{URL} is {url!r}: it has to be an address such as https://github.example.org")
    return Server(url)


def app() -> App | None:
    """The app as which GitHub is asked; None where none is set.

    :raises ConfigurationError: a half of it is missing.
    """
    id, key = os.environ.get(APP_ID, ""), secret("github_private_key") or ""
    if not id and not key:
        return None
    if not id:
        raise ConfigurationError(f"there is a private key of a GitHub App, but not its number: set {APP_ID}")
    if not key:
        raise ConfigurationError(f"{APP_ID} is set, but not the app's private key: {secret_file('github_private_key')}")
    return App(id, key)


def token() -> str:
    """A personal token, used where there is no app; empty where there is none."""
    return (secret("github_token") or "").strip()


def webhook_secrets() -> Sequence[str]:
    """What webhooks are signed with: one a line, so that two hold while one takes the other's place."""
    return [line.strip() for line in (secret("github_webhook_secret") or "").splitlines() if line.strip()]


def oauth() -> OAuthSettings | None:
    """What lets people log in by GitHub; None where it is not set."""
    client_id, client_secret = os.environ.get(OAUTH_CLIENT_ID, ""), secret("github_oauth_client_secret") or ""
    return OAuthSettings(client_id, client_secret.strip()) if client_id and client_secret else None
