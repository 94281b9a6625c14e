"""Logging in with GitHub: an OAuth app, or a GitHub App's way of asking people who they are.

Authlib makes the address and reads the answer; it is used over `requests`, as its client for httpx is moving to another
library. The token that GitHub gives is used for the questions below and then forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from core.api import ConfigurationError, Identity, Login, OperationError, secret_file
from plugins.github import api, settings
from plugins.github.api import Api
from plugins.github.clock import Clock
from plugins.github.faults import Forbidden, Unauthorized

#: What is asked for: organisations and teams, also where membership is private ("Scopes for OAuth apps").
_SCOPE = "read:org"
#: Where GitHub reads the client's secret: not in a header.
_IN_THE_FORM = "client_secret_post"
#: Seconds that GitHub is given to change a code for a token.
_TIMEOUT = 15
#: What GitHub says where this deployer, and not the person, is wrong ("Troubleshooting OAuth app access token requests").
_OURS = {
    "incorrect_client_credentials": "the client's secret is wrong",
    "redirect_uri_mismatch": "the callback URL is not the one that is set at GitHub",
    "application_suspended": "the OAuth app is suspended",
}


class GitHubLogin(Login):
    """People of a GitHub, with their organisations and teams."""

    kind = "github"
    title = "GitHub"

    def missing(self) -> str:
        """What has to be set before it can be used; empty when it can."""
        if settings.oauth():
            return ""
        return f"set {settings.OAUTH_CLIENT_ID}, and {secret_file('github_oauth_client_secret')}"

    def begin(self, callback: str, state: str, challenge: str) -> str:
        """The address to send the browser to."""
        pkce = {"code_challenge": challenge, "code_challenge_method": "S256"}
        with _client(callback) as client:
            address, _ = client.create_authorization_url(_address("authorize"), state=state, **pkce)
        return str(address)

    async def finish(self, callback: str, code: str, verifier: str) -> Identity:
        """Say who came back."""
        token = await asyncio.to_thread(_token, callback, code, verifier)
        async with api.connect() as connection:
            asked = Api(connection, settings.server(), Clock(), token, "the person who logs in")
            try:
                return await _identity(asked)
            except Forbidden as error:
                raise OperationError(
                    f"{error}. For a GitHub App, allow it the organisation permission `Members: read`"
                ) from None
            except Unauthorized as error:
                raise PermissionError(str(error)) from None


def _client(callback: str) -> OAuth2Session:
    known = settings.oauth()
    if known is None:
        raise ConfigurationError(GitHubLogin().missing())
    return OAuth2Session(
        known.client_id,
        known.client_secret,
        token_endpoint_auth_method=_IN_THE_FORM,
        scope=_SCOPE,
        redirect_uri=callback,
    )


def _address(what: str) -> str:
    return f"{settings.server().url}/login/oauth/{what}"


def _token(callback: str, code: str, verifier: str) -> str:
    """Change a code for a token. Blocks.

    :raises OperationError: GitHub does not answer, or this deployer is set up wrongly.
    :raises PermissionError: GitHub does not take the code.
    """
    host = settings.server().host
    try:
        with _client(callback) as client:
            answer = client.fetch_token(_address("access_token"), code=code, code_verifier=verifier, timeout=_TIMEOUT)
        return str(answer["access_token"])
    except OAuthError as error:
        if error.error in _OURS:
            raise OperationError(f"{host} refuses this deployer: {_OURS[error.error]}") from None
        raise PermissionError(f"{host} does not take the code: {error.description or error.error}") from None
    except requests.HTTPError as error:
        raise OperationError(f"{host} answered {error.response.status_code}") from None
    except (ValueError, KeyError, TypeError):
        raise OperationError(f"{host} answered what cannot be read: is something else at that address?") from None
    except requests.RequestException as error:
        raise OperationError(f"{host} cannot be reached: {type(error).__name__}") from None


async def _identity(asked: Api) -> Identity:
    """Ask who it is.

    :raises OperationError: GitHub does not answer.
    """
    user = await asked.ask("/user", {})
    organisations = await asked.pages("/user/orgs{?per_page}", {"per_page": "100"})
    teams = await asked.pages("/user/teams{?per_page}", {"per_page": "100"})
    try:
        groups = frozenset([f"github:{each['login']}" for each in organisations] + [*_teams(teams)])
        return Identity(
            subject=str(int(user["id"])),
            login=str(user["login"]),
            name=user.get("name") or "",
            email=user.get("email") or "",
            groups=groups,
        )
    except (KeyError, TypeError, ValueError):
        raise OperationError("GitHub's answer cannot be read: is something else at that address?") from None


def _teams(teams: list[Mapping[str, Any]]) -> Iterator[str]:
    """Each team, and the one that it is a part of: whoever is in a part is in the whole ("About teams")."""
    for team in teams:
        organisation = team["organization"]["login"]
        yield f"github:{organisation}/{team['slug']}"
        if parent := team.get("parent"):
            yield f"github:{organisation}/{parent['slug']}"
