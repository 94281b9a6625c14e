"""As whom GitHub is asked: as an app's installation at the owner of a repository, by a personal token, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import jwt

from core.api import ConfigurationError, OperationError
from plugins.github import settings
from plugins.github.api import Api
from plugins.github.clock import Clock
from plugins.github.faults import Unauthorized
from plugins.github.settings import App, Server

#: Seconds that an app's own token holds: GitHub allows ten minutes ("Generating a JSON Web Token (JWT) for a GitHub App").
_APP_TOKEN = 540
#: Seconds by which it is dated back, for clocks that differ a little, as GitHub advises.
_BACKDATED = 60
#: Seconds before its end at which an installation's token, which holds an hour, is no longer used.
_EARLY = 600


@dataclass(slots=True)
class Installation:
    """An app at one account."""

    id: int
    account: str
    api: Api
    token: str = ""
    expires_at: float = 0.0


class Credentials:
    """Knows as whom to ask for each repository. For one event loop."""

    def __init__(self, client: httpx.AsyncClient, server: Server, clock: Clock) -> None:
        self._client, self._server, self._clock = client, server, clock
        self._installations: dict[str, Installation] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._read()

    def _read(self) -> None:
        """Read who is asked as; again when that was not accepted, as somebody may have put another in its place."""
        self.app, self._token = settings.app(), settings.token()
        self.as_app = self._api(None, "the app", self._read) if self.app else None
        person = self._token and not self.app
        self._as_person = self._api(self._token, "the personal token", self._read) if person else None

    @property
    def anonymous(self) -> bool:
        return self.app is None and not self._token

    @property
    def apis(self) -> list[Api]:
        """Everybody as whom something was asked."""
        installed = [installation.api for installation in self._installations.values()]
        return installed + ([self._as_person] if self._as_person else [])

    async def api_for(self, owner: str, name: str) -> Api:
        """As whom to ask for a repository.

        :raises OperationError: the app is not installed there, or GitHub does not answer.
        :raises ConfigurationError: there is nobody as whom to ask.
        """
        if self._as_person:
            return self._as_person
        return (await self._installation(owner, name)).api

    async def password_for(self, owner: str, name: str) -> str:
        """The password that git needs for a repository; empty where it is asked without."""
        if self.anonymous:
            return ""
        return self._token if self.app is None else (await self._installation(owner, name)).token

    async def _installation(self, owner: str, name: str) -> Installation:
        async with self._locks.setdefault(owner.lower(), asyncio.Lock()):
            known = self._installations.get(owner.lower())
            if known is None:
                known = await self._find(owner, name)
            if known.expires_at - _EARLY <= self._clock.now():
                await self._renew(known)
            self._installations[owner.lower()] = known
            return known

    async def _find(self, owner: str, name: str) -> Installation:
        found = await self.ask_as_app("/repos/{owner}/{name}/installation", {"owner": owner, "name": name})
        if found is None and await self.ask_as_app("/app", {}) is None:
            raise OperationError(f"{self._server.host} has no such app: correct {settings.APP_ID}")
        if found is None:
            raise OperationError(
                f"the app is not installed for {owner}/{name}: install it for {owner}, with access to this repository, "
                f"at {self._server.url}/organizations/{owner}/settings/installations"
            )
        if found.get("suspended_at"):
            raise OperationError(f"the app's installation at {owner} is suspended: unsuspend it at {found['html_url']}")
        account = str(found["account"]["login"])
        # A token that is not accepted is made anew, if the app is still installed.
        api = self._api("", f"the app's installation at {account}", lambda: self._forget(owner))
        return Installation(int(found["id"]), account, api)

    def _forget(self, owner: str) -> None:
        self._installations.pop(owner.lower(), None)

    async def _renew(self, installation: Installation) -> None:
        path = "/app/installations/{id}/access_tokens"
        try:
            answer = await self._as_app("POST", path, {"id": str(installation.id)})
        except OperationError:
            self._forget(installation.account)
            raise
        installation.token = str(answer["token"])
        installation.api.oauth_token = installation.token
        installation.expires_at = datetime.fromisoformat(answer["expires_at"]).timestamp()

    async def ask_as_app(self, path: str, variables: dict[str, str]) -> Any:
        """Get something that the app itself may see; None where it is not there."""
        return await self._as_app("GET", path, variables)

    async def _as_app(self, method: str, path: str, variables: dict[str, str]) -> Any:
        try:
            return await self._once_as_app(method, path, variables)
        except Unauthorized:
            if not self._clock.wrong:
                raise
            # The answer told GitHub's time: what was dated by a wrong clock is dated again.
            return await self._once_as_app(method, path, variables)

    async def _once_as_app(self, method: str, path: str, variables: dict[str, str]) -> Any:
        if self.app is None or self.as_app is None:
            raise ConfigurationError(f"no GitHub App is configured: set {settings.APP_ID}")
        signed = self._sign(self.app)
        if method == "GET":
            return await self.as_app.ask(path, variables, jwt=signed)
        return await self.as_app.do(method, path, variables, {}, jwt=signed)

    def _sign(self, app: App) -> str:
        now = int(self._clock.now())
        claims = {"iat": now - _BACKDATED, "exp": now + _APP_TOKEN - _BACKDATED, "iss": app.id}
        try:
            return jwt.encode(claims, app.key, algorithm="RS256")
        except (jwt.InvalidKeyError, ValueError, TypeError) as error:
            raise ConfigurationError(f"the private key of the GitHub App is no RSA key in PEM: {error}") from None

    def _api(self, token: str | None, who: str, refused: Callable[[], None]) -> Api:
        return Api(self._client, self._server, self._clock, token, who, refused)
