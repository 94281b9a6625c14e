"""What would be done now, found out without changing anything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import transaction

from core import clock, configuration
from core.engine.snapshot import evaluate_refs
from core.models import Ref, Repository
from core.pipeline import plan
from core.plugins import plugins
from core.services import heads
from core.services.places import repository_place
from core.services.scope import Scope
from core.values import Heads

#: Seconds that a source has to answer.
_TIMEOUT = 60
#: Sources asked at once.
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done, and which repositories could not be asked for their heads, with the reason."""

    steps: Sequence[plan.Step]
    unseen: dict[str, str]


def make(declare: Callable[[], Scope]) -> Plan:
    """Ask all sources for their heads and evaluate, in transactions that are never committed.

    :param declare: brings the rows into line with the declaration, and says what to look at.
    """
    with _undone():
        repositories = _repositories(declare())
    # Not inside a transaction: sources may take their time, and on SQLite nobody else could write meanwhile.
    seen = dict(zip([each.name for each in repositories], asyncio.run(_look(repositories)), strict=True))
    steps: list[plan.Step] = []
    with _undone():
        for repository in _repositories(declare()):
            answer = seen[repository.name]
            if isinstance(answer, Heads):
                heads.record(repository, answer, clock.now())
            live = Ref.objects.filter(repository=repository, gone_at=None)
            steps += plan.steps(repository.name, evaluate_refs(repository, live))
    unseen = {
        name: str(answer) or type(answer).__name__ for name, answer in seen.items() if not isinstance(answer, Heads)
    }
    return Plan(steps, unseen)


def of_draft(add: Callable[[], Repository], before: Repository | None, seen: Heads) -> list[plan.Step]:
    """What would be done once a draft is declared, beyond what would be done without it. Nothing is kept of it.

    :param add: declares the draft, and answers its repository.
    :param before: that repository, where it is there already.
    :param seen: the heads that its source tells now.
    """
    with _undone():
        known = list(_steps(before, seen)) if before else []
        told = {(step.verb, step.what, step.commit) for step in known}
        return [step for step in _steps(add(), seen) if (step.verb, step.what, step.commit) not in told]


def _steps(repository: Repository, seen: Heads) -> Iterable[plan.Step]:
    heads.record(repository, seen, clock.now())
    live = Ref.objects.filter(repository=repository, gone_at=None)
    return plan.steps(repository.name, evaluate_refs(repository, live))


@contextmanager
def _undone() -> Iterator[None]:
    """A transaction that is rolled back at its end."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def _repositories(scope: Scope) -> list[Repository]:
    return list(Repository.objects.filter(scope.repositories(), retired_at=None).select_related("flavour"))


async def _look(repositories: Sequence[Repository]) -> list[Heads | BaseException]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(repository: Repository) -> Heads:
        async with free, asyncio.timeout(_TIMEOUT):
            source = plugins.source(repository.source)
            data = configuration.current().plugin_dir(repository.source)
            return await source.heads(repository_place(repository), "", data)

    return await asyncio.gather(*(one(repository) for repository in repositories), return_exceptions=True)
