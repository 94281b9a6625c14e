"""Bringing the rows into line with what a flavour declares. What it declares no more is retired, with its history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import F

from core import clock, flavour_files
from core.errors import DeclarationError
from core.models import Declared, Flavour, Input, Recipe, Ref, Repository, Service, Target
from core.pipeline import declaration, validate
from core.plugins import plugins
from core.services import activities, differences, gates, hints

_Row = TypeVar("_Row", bound=Declared)


def offers() -> validate.Offers:
    """What the plugins offer, for validation."""
    return validate.Offers(**{role: plugins.kinds(role) for role in validate.Offers.__slots__})


def load(name: str) -> Flavour:
    """Load a flavour by the name of its entry point, check it and apply it.

    :raises ConfigurationError: it does not exist, cannot be loaded, or is wrong.
    """
    flavour, origin = flavour_files.load(name), flavour_files.origin(name)
    validate.check(flavour, offers(), place=origin)
    return apply(flavour, origin)


@transaction.atomic
def apply(flavour: declaration.Flavour, origin: str) -> Flavour:
    """Make the rows say what a flavour that was checked declares. Rows of another origin stay as they are."""
    return _Application(origin).flavour(flavour)


class _Application:
    """One application of one flavour; counts what it changed."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._changes = 0

    def flavour(self, flavour: declaration.Flavour) -> Flavour:
        row = self._put(
            Flavour,
            {"name": flavour.name},
            title=flavour.title,
            base_url=flavour.base_url,
            admins=list(flavour.admins),
            builders=list(flavour.builders),
            viewers=list(flavour.viewers),
            drift=flavour.drift,
            notifiers=_uses(flavour.notifiers),
            gates=_uses(flavour.gates),
            retention=None if flavour.retention == declaration.Retention() else asdict(flavour.retention),
        )
        inputs = [self._input(row, input) for input in flavour.inputs]
        self._retire(row.inputs.all(), inputs)
        repositories = [self._repository(row, repository) for repository in flavour.repositories]
        self._retire(row.repositories.all(), repositories)
        return row

    def _input(self, flavour: Flavour, input: declaration.Input) -> Input:
        key = {"flavour": flavour, "name": input.name}
        options = _plain(input.reader.options)
        before = self._changes
        row = self._put(Input, key, reader=input.reader.kind, options=options, validity=input.validity)
        if self._changes > before:
            # What another reader, or the same with other options, said before is believed no longer.
            Input.objects.filter(pk=row.pk).update(next_read_at=clock.now())
        return row

    def _repository(self, flavour: Flavour, repository: declaration.Repository) -> Repository:
        before = self._changes
        row = self._put(
            Repository,
            {"flavour": flavour, "name": repository.name},
            source=repository.source.kind,
            options=_plain(repository.source.options),
            poll=repository.poll,
            check_refs=repository.check,
        )
        if self._changes > before:
            # Another address or other options may show other refs: nothing that was seen there still counts.
            Repository.objects.filter(pk=row.pk).update(validator="", next_look_at=clock.now(), look_error="")
        recipes = [self._recipe(row, recipe) for recipe in repository.recipes]
        self._retire(row.recipes.all(), recipes)
        if self._changes > before:
            reevaluate(row)
        return row

    def _recipe(self, repository: Repository, recipe: declaration.Recipe) -> Recipe:
        row = self._put(
            Recipe,
            {"repository": repository, "name": recipe.name},
            builder=recipe.builder.kind,
            options=_plain(recipe.builder.options),
            platforms=list(recipe.platforms),
            args={name: argument(value) for name, value in recipe.args.items()},
            timeout=recipe.timeout,
            recheck=recipe.recheck,
        )
        targets = [self._target(row, target) for target in recipe.targets]
        self._retire(row.targets.all(), targets)
        return row

    def _target(self, recipe: Recipe, target: declaration.Target) -> Target:
        key = {"recipe": recipe, "branch": target.branch, "image": target.image}
        row = self._put(Target, key, rollout=target.rollout, soak=target.soak)
        services = [self._service(row, service, position) for position, service in enumerate(target.services, start=1)]
        self._retire(row.services.all(), services)
        return row

    def _service(self, target: Target, service: declaration.Service, position: int) -> Service:
        key = {"deployer": service.deployer.kind, "host": service.host, "name": service.name}
        met = Service.objects.filter(retired_at=None, **key).select_related("target__recipe__repository").first()
        if met and met.origin != self._origin:
            raise DeclarationError(
                [f"{self._origin}: service {met} is declared already by {met.origin or 'the admin'}"]
            )
        # A service that moved to another target is the same service: it keeps its history.
        options = _plain(service.deployer.options)
        fields = {
            "options": options,
            "uri": service.uri,
            "target": target,
            "position": position,
            "health_check": asdict(service.check) if service.check else None,
            "soak": service.soak,
            "drift_policy": service.drift,
            **{name: _uses(getattr(service, name)) for name in ("notifiers", "gates", "before", "after")},
        }
        row = self._put(Service, key, **fields)
        if met and met.target != target:
            reevaluate(met.target.recipe.repository)
        return row

    def _put(self, model: type[_Row], key: Mapping[str, Any], **fields: Any) -> _Row:
        rows = model._default_manager.filter(**key)
        row = rows.order_by(F("retired_at").asc(nulls_first=True)).first()
        wanted = {**fields, "origin": self._origin, "retired_at": None}
        old = None
        if row is None:
            row = model(**key)
        elif row.origin != self._origin and row.retired_at is None:
            raise DeclarationError([f"{self._origin}: {row} is declared already by {row.origin or 'the admin'}"])
        elif all(getattr(row, name) == value for name, value in wanted.items()):
            return row
        else:
            old = copy(row)
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save()
        if old is not None and getattr(old, "gates", None) != getattr(row, "gates", None):
            gates.of_declared(row)
        self._record(old, row, fields)
        self._changes += 1
        return row

    def _record(self, old: Declared | None, row: Declared, fields: Iterable[str]) -> None:
        """Keep the history of what a file changes as that of what people change."""
        if old is None or old.retired_at is not None:
            activities.record(None, "declared" if old is None else "declared again", row, reason=self._origin)
            return
        changed = [differences.told(name, old, row) for name in fields if getattr(old, name) != getattr(row, name)]
        activities.record(None, "changed", row, reason="; ".join([self._origin, *changed]))

    def _retire(self, rows: Iterable[_Row], kept: Sequence[_Row]) -> None:
        ids = {row.pk for row in kept}
        for row in rows:
            if row.origin == self._origin and row.pk not in ids and row.retired_at is None:
                activities.record(None, "retired", row, reason=f"{self._origin} declares it no more")
                retire(row)
                self._changes += 1


def retire(row: Declared) -> None:
    """Stop looking after something, and after all that was declared under it. Its history stays."""
    row.retired_at = clock.now()
    row.save(update_fields=["retired_at"])
    for child in children_of(row):
        if child.retired_at is None:
            retire(child)
    repository = repository_of(row)
    if repository is not None:
        reevaluate(repository)


def children_of(row: Declared) -> Iterator[Declared]:
    """What was ever declared directly under something."""
    for children in ("inputs", "repositories", "recipes", "targets", "services"):
        if hasattr(row, children):
            yield from getattr(row, children).all()


def repository_of(row: Declared) -> Repository | None:
    """The repository that something was declared under, or is."""
    match row:
        case Repository():
            return row
        case Recipe():
            return row.repository
        case Target():
            return row.recipe.repository
        case Service():
            return row.target.recipe.repository
        case _:
            return None


def reevaluate(repository: Repository) -> None:
    """Have everything of a repository evaluated again."""
    Ref.objects.filter(repository=repository, gone_at=None).update(version=F("version") + 1)
    Repository.objects.filter(pk=repository.pk).update(version=F("version") + 1)
    hints.changed()


def argument(value: str | declaration.FromInput) -> Any:
    """A build argument as it is kept."""
    return {"input": value.name} if isinstance(value, declaration.FromInput) else value


def _uses(uses: Sequence[declaration.Use]) -> list[list[Any]]:
    """Notifiers, gates, steps as they are kept."""
    return [[use.kind, _plain(use.options)] for use in uses]


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as JSON keeps them: tuples become lists."""
    return {name: _plain_value(value) for name, value in options.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain_value(each) for each in value]
    return value
