"""What would come of a draft: the steps that would be done, and its text for a flavour file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from core import clock
from core.admin.fields import arguments, health_check, uses
from core.admin.guided.draft import Draft
from core.engine import planning
from core.models import Declared, Recipe, Repository, Service, Target
from core.pipeline import declaration, plan, snippet
from core.pipeline.declaration import Use
from core.services import admin_edits, holds
from core.states import Level
from core.values import Heads


@dataclass(frozen=True)
class Planned:
    """One step that would be done, whether it would wait for somebody's approval, and what would hold it back now."""

    step: plan.Step
    waits: bool
    held: Sequence[str] = ()

    @property
    def when(self) -> str:
        return {"now": "at once", "then": "then"}.get(self.step.when, self.step.when)


def steps(session: Any, user: User, seen: Heads) -> list[Planned]:
    """What would be done once a draft is saved.

    :raises RefusedError: it cannot be saved as it is.
    """
    # Rows of its own: those that were saved and taken back would keep their keys.
    rows = Draft(session).rows
    repository = rows[0]
    assert isinstance(repository, Repository)

    def add() -> Repository:
        admin_edits.add_all(rows, user)
        return Repository.objects.select_related("flavour").get(pk=repository.pk)

    found = planning.of_draft(add, repository if repository.pk else None, seen)
    threshold = repository.flavour.threshold_now
    held = list(_held(rows))
    return [Planned(step, _waits(step, threshold), held if step.verb == "deploy" else ()) for step in found]


def _held(rows: Sequence[Declared]) -> Iterator[str]:
    """What people hold still, and so would hold the first deployment. The gates are told by the step itself."""
    repository, service = rows[0], rows[-1]
    assert isinstance(repository, Repository)
    assert isinstance(service, Service)
    in_force = holds.in_force(clock.now())
    for kept in (in_force.locks, in_force.pauses):
        if service.pk and (hold := kept.get(service.pk)):
            yield f"{hold.sentence}."
    if hold := in_force.freezes.get(repository.flavour_id):
        yield f"{hold.sentence}."


def _waits(step: plan.Step, threshold: Level | None) -> bool:
    return threshold is not None and bool(step.level) and Level.parse(step.level) >= threshold


def text(rows: Sequence[Declared]) -> str:
    """The draft as a flavour file has it, from the first thing that is new on."""
    declared: Any = None
    for row in reversed(rows):
        if row.pk is not None:
            break
        declared = _declared(row, declared)
    return snippet.write(declared)


def _declared(row: Declared, below: Any) -> Any:
    inner = [below] if below is not None else []
    match row:
        case Service():
            deployer = Use(row.deployer, **row.options)
            lists = {name: uses(getattr(row, name)) for name in ("notifiers", "gates", "before", "after")}
            return declaration.Service(
                row.name,
                deployer,
                host=row.host,
                uri=row.uri,
                check=health_check(row.health_check),
                soak=row.soak,
                drift=row.drift_policy,
                **lists,
            )
        case Target():
            return declaration.Target(row.branch, row.image, inner, rollout=row.rollout, soak=row.soak)
        case Recipe():
            return declaration.Recipe(
                row.name,
                Use(row.builder, **row.options),
                row.platforms,
                arguments(row.args),
                inner,
                timeout=row.timeout,
                recheck=row.recheck,
            )
        case Repository():
            source = Use(row.source, **row.options)
            return declaration.Repository(row.name, source, inner, poll=row.poll, check=row.check_refs)
    raise AssertionError(row)
