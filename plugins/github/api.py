"""Talking to GitHub's REST and GraphQL: the one file that sends requests.

Built on gidgethub, which knows headers, pages and conditional requests (an answer that did not change costs nothing),
and on httpx for the transport, as everything here that is asynchronous and speaks HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import gidgethub
import httpx
from gidgethub.abc import GitHubAPI

from core.api import OperationError, Waiting
from plugins.github import budget, faults
from plugins.github.budget import Budget
from plugins.github.clock import Clock
from plugins.github.settings import Server

#: Answers that are kept for conditional requests.
_CACHED = 2000
#: Writing requests that may be sent at once, and in each second after that ("Best practices for using the REST API").
_BURST, _RATE = 20.0, 1.0
#: Seconds that a writing request waits for its turn before it is put off.
_PATIENCE = 3.0

Variables = Mapping[str, str]


def connect() -> httpx.AsyncClient:
    """A client for one event loop."""
    return httpx.AsyncClient(timeout=httpx.Timeout(20, connect=10), follow_redirects=True)


class Api(GitHubAPI):
    """One GitHub, asked as one app, installation or person.

    :param who: as whom, for people: `the app's installation at acme`.
    :param refused: called when GitHub does not accept the token.
    :ivar budgets: what is left of each kind of points.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        server: Server,
        clock: Clock,
        token: str | None,
        who: str,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__("deployer", oauth_token=token, base_url=server.rest, cache=_Cache())
        self._client, self._server, self._clock = client, server, clock
        self.who = who
        self._on_refused = refused
        self.budgets: dict[str, Budget] = {}
        self._tokens, self._refilled = _BURST, 0.0

    # The two verbs, and what is like them

    async def ask(self, path: str, variables: Variables, *, jwt: str | None = None) -> Any:
        """Get something; None where it is not there.

        :raises OperationError: GitHub does not answer, or refuses.
        """
        try:
            return await self.getitem(path, variables, jwt=jwt)
        except gidgethub.GitHubException as error:
            if _status(error) in (404, 410):
                return None
            raise self._refused(error) from None
        except ValueError:
            raise self._unreadable() from None

    async def pages(
        self, path: str, variables: Variables, *, key: str | None = None, jwt: str | None = None
    ) -> list[Any]:
        """Get everything of a list, page by page.

        :param key: where in an answer the items are.
        :raises OperationError: GitHub does not answer, refuses, or has no such list.
        """
        try:
            return [item async for item in self.getiter(path, variables, iterable_key=key, jwt=jwt)]
        except gidgethub.GitHubException as error:
            raise self._refused(error) from None
        except (ValueError, TypeError):
            raise self._unreadable() from None

    async def do(
        self, method: str, path: str, variables: Variables, data: Mapping[str, Any], *, jwt: str | None = None
    ) -> Any:
        """Change something.

        :raises OperationError: GitHub does not answer, or refuses.
        """
        await self._take_turn()
        try:
            if method == "PATCH":
                return await self.patch(path, variables, data=data, jwt=jwt)
            return await self.post(path, variables, data=data, jwt=jwt)
        except gidgethub.GitHubException as error:
            raise self._refused(error) from None
        except ValueError:
            raise self._unreadable() from None

    async def query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Ask by GraphQL. Answers the whole response: a part of it may have failed, as its `errors` say.

        :raises OperationError: GitHub does not answer, or refuses all of it.
        """
        try:
            data = await self.graphql(text, endpoint=self._server.graphql, **variables)
        except gidgethub.QueryError as error:
            self._limited(error.response)
            if not error.response.get("data"):
                raise OperationError(f"{self._server.host} refused a query: {error}") from None
            return dict(error.response)
        except gidgethub.GitHubException as error:
            raise self._refused(error) from None
        except (ValueError, KeyError, TypeError):
            raise self._unreadable() from None
        return {"data": data}

    def _limited(self, response: Mapping[str, Any]) -> None:
        """GraphQL says with status 200 that the points are used up."""
        if any(error.get("type") in ("RATE_LIMITED", "RATE_LIMIT") for error in response["errors"]):
            left = self.budgets.get("graphql")
            wait = max(left.reset - self._clock.now(), 1.0) if left else 60.0
            raise Waiting(f"{self._server.host}'s points for {self.who} are used up", retry_in=wait)

    # Transport

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        self._refuse_when_empty("graphql" if url == self._server.graphql else "core")
        try:
            answer = await self._client.request(method, url, headers=dict(headers), content=body)
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise OperationError(f"{self._server.host} cannot be reached: {said}") from None
        self._clock.saw(answer.headers.get("date"))
        if told := budget.read(answer.headers):
            self.budgets[told[0]] = told[1]
        if answer.status_code == 401:
            self._on_refused()
        faults.check(
            answer.status_code,
            answer.headers,
            answer.content,
            who=self.who,
            host=self._server.host,
            now=self._clock.now(),
        )
        return answer.status_code, answer.headers, answer.content

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _refuse_when_empty(self, kind: str) -> None:
        left = self.budgets.get(kind)
        now = self._clock.now()
        if left and left.empty(now):
            raise Waiting(
                f"{self._server.host}'s points for {self.who} are used up", retry_in=max(left.reset - now, 1.0)
            )

    async def _take_turn(self) -> None:
        """Write at the pace that GitHub asks for."""
        now = asyncio.get_running_loop().time()
        self._tokens = min(_BURST, self._tokens + (now - self._refilled) * _RATE)
        self._refilled = now
        wait = max(0.0, (1 - self._tokens) / _RATE)
        if wait > _PATIENCE:
            raise Waiting(f"there is more to tell {self._server.host} than it likes to hear at once", retry_in=wait)
        self._tokens -= 1
        await asyncio.sleep(wait)

    def _refused(self, error: gidgethub.GitHubException) -> OperationError:
        return OperationError(f"{self._server.host} refused what {self.who} asked: {error}")

    def _unreadable(self) -> OperationError:
        return OperationError(f"{self._server.host} answered what cannot be read: is something else at that address?")


def _status(error: gidgethub.GitHubException) -> int:
    return int(error.status_code) if isinstance(error, gidgethub.HTTPException) else 0


class _Cache(dict[str, tuple[str | None, str | None, Any, str | None]]):
    """Answers by address; the oldest go first."""

    def __setitem__(self, url: str, answer: tuple[str | None, str | None, Any, str | None]) -> None:
        super().__setitem__(url, answer)
        while len(self) > _CACHED:
            del self[next(iter(self))]
