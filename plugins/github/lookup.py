"""Looks at repositories, gathered: those that are due at the same time and are asked as the same go out as one query."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.api import OperationError
from plugins.github import queries
from plugins.github.api import Api
from plugins.github.queries import Answer, Name, Pages

#: Repositories in one query: larger ones run into GitHub's limit of ten seconds for an answer.
_TOGETHER = 10


class NotFound(OperationError):  # noqa: N818  as its siblings in the core
    """There is no repository of this name, or none that may be seen."""


@dataclass(slots=True)
class _Waiting:
    name: Name
    answer: asyncio.Future[Answer]


class Lookup:
    """Asks as one credential. For one event loop."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._waiting: list[_Waiting] = []
        self._asking: asyncio.Task[None] | None = None

    async def whole(self, name: Name) -> Answer:
        """All branches and open pull requests of a repository.

        :raises NotFound: there is none that may be seen.
        :raises OperationError: GitHub does not answer.
        """
        answer = await self._first(name)
        heads = list(answer.heads)
        rest = answer.next
        while rest != Pages(None, None):
            page = await self._next(name, rest)
            heads += page.heads
            rest = page.next
        # A branch that is created meanwhile moves others onto the next page.
        return replace(answer, heads=list({head.ref: head for head in heads}.values()), next=rest)

    async def _first(self, name: Name) -> Answer:
        waiting = _Waiting(name, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all())
        return await waiting.answer

    async def _ask_all(self) -> None:
        """Ask for whatever waits; what comes while an answer is on its way goes out together after it."""
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                batches = [waiting[start : start + _TOGETHER] for start in range(0, len(waiting), _TOGETHER)]
                await asyncio.gather(*(self._ask(batch) for batch in batches))
        finally:
            self._asking = None

    async def _ask(self, batch: Sequence[_Waiting]) -> None:
        try:
            response = await self.api.query(*queries.first_pages([each.name for each in batch]))
        except Exception as error:  # noqa: BLE001  each of those who wait is told
            for each in batch:
                _tell(each, error)
            return
        for index, each in enumerate(batch):
            try:
                _tell(each, _read(each.name, f"r{index}", response))
            except OperationError as error:
                _tell(each, error)

    async def _next(self, name: Name, after: Pages) -> Answer:
        return _read(name, "r0", await self.api.query(*queries.next_page(name, after)))


def _tell(waiting: _Waiting, outcome: Answer | Exception) -> None:
    """Hand an outcome over, unless nobody waits for it any more."""
    if waiting.answer.done():
        return
    if isinstance(outcome, Exception):
        waiting.answer.set_exception(outcome)
    else:
        waiting.answer.set_result(outcome)


def _read(name: Name, alias: str, response: Mapping[str, Any]) -> Answer:
    faults = [error for error in response.get("errors", ()) if next(iter(error.get("path") or [alias])) == alias]
    if any(error.get("type") == "NOT_FOUND" for error in faults):
        raise NotFound(f"there is no repository {name} that may be seen")
    if any(error.get("type") == "FORBIDDEN" for error in faults):
        needed = "`Contents: read` and `Pull requests: read`"
        raise OperationError(f"GitHub does not show all of {name}: it needs the permissions {needed}")
    said = response["data"].get(alias)
    if faults or said is None:
        why = faults[0].get("message", "no reason") if faults else "no reason"
        raise OperationError(f"GitHub cannot say what is in {name}: {why}")
    try:
        return queries.read(said)
    except (KeyError, TypeError, ValueError) as error:
        raise OperationError(f"GitHub's answer about {name} cannot be read: {error!r}") from None
