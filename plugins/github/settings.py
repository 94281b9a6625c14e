"""What is set for this plugin: which GitHub, and as whom it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from core.api import ConfigurationError, PluginSettings, secret, secret_file

_PUBLIC = "https://github.com"


class GitHubSettings(PluginSettings, env_prefix="DEPLOYER_GITHUB_"):
    """Which GitHub is used, and as whom. The keys and tokens that belong to it are secrets, by their own names."""

    url: str = Field(_PUBLIC, description="The address of a GitHub Enterprise Server.")
    app_id: str = Field("", description="The number of the GitHub App as which GitHub is asked.")
    oauth_client_id: str = Field("", description="The client of the app by which people log in.")

    @field_validator("url")
    @classmethod
    def _an_address(cls, value: str) -> str:
        address = urlsplit(value or _PUBLIC)
        if address.scheme not in ("http", "https") or not address.netloc:
            raise ValueError("it has to be an address such as https://github.example.org")
        return (value or _PUBLIC).rstrip("/")


#: The names of what is read here, for those who have to set it.
APP_ID, OAUTH_CLIENT_ID = GitHubSettings.variable("app_id"), GitHubSettings.variable("oauth_client_id")


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
    return Server(GitHubSettings.read().url)


def app() -> App | None:
    """The app as which GitHub is asked; None where none is set.

    :raises ConfigurationError: a half of it is missing.
    """
    id, key = GitHubSettings.read().app_id, secret("github_private_key") or ""
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
    client_id, client_secret = GitHubSettings.read().oauth_client_id, secret("github_oauth_client_secret") or ""
    return OAuthSettings(client_id, client_secret.strip()) if client_id and client_secret else None
