"""What a person declares, changes and retires in the admin. What a flavour file declares is refused: it is changed there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from core import clock
from core.errors import RefusedError
from core.models import Declared, Flavour, Input, Recipe, Repository, Service, Target
from core.services import activities, declarations, differences, gates, heads, hints

_Row = TypeVar("_Row", bound=Declared)

#: By model, the fields that tell one from another. History hangs on them: they do not change once a row is there.
KEYS: Mapping[type[Declared], tuple[str, ...]] = {
    Flavour: ("name",),
    Repository: ("flavour", "name"),
    Recipe: ("repository", "name"),
    Target: ("recipe", "branch", "image"),
    Service: ("deployer", "host", "name"),
    Input: ("flavour", "name"),
}


def taken(model: type[Declared], key: Mapping[str, Any]) -> str:
    """Say why nothing can be added under a key, or nothing when it is free.

    :param key: a value for each field of `KEYS`.
    """
    rows = model._default_manager.filter(**key)
    # Of services only the live ones are told apart by the database: the newest is the one that would come back.
    row = rows.filter(retired_at=None).first() or rows.order_by("-retired_at").first()
    if row is None:
        return ""
    where = f"in {row.origin}" if row.origin else "in the admin"
    if row.retired_at is None:
        return f"{row} is declared already, {where}"
    return f"{row} was declared {where} and is retired: bring it back instead, with its history"


@transaction.atomic
def add(row: Declared, user: User) -> None:
    """Save a row that was checked and is not there yet.

    :raises RefusedError: its place was taken meanwhile.
    """
    model = type(row)
    if fault := taken(model, {name: getattr(row, name) for name in KEYS[model]}):
        raise RefusedError(fault)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise RefusedError(f"{row} was declared by somebody else just now: choose another name") from None
    activities.record(user, "added", row)
    _act_on(row, {field.name for field in row._meta.fields})


@transaction.atomic
def add_all(rows: Sequence[Declared], user: User) -> None:
    """Save rows that were checked, each after the one that it belongs to: all that are not there yet, or none.

    :raises RefusedError: the place of one was taken meanwhile, or what it belongs to was retired.
    """
    for row in rows:
        if row.pk is None:
            add(row, user)
        elif type(row)._default_manager.filter(pk=row.pk, retired_at=None).first() is None:
            raise RefusedError(f"{row} was retired meanwhile: choose another one")


@transaction.atomic
def change(row: Declared, user: User, fields: Collection[str]) -> None:
    """Save these fields of a row that was checked; what else was written to the row meanwhile stays.

    :raises RefusedError: the row is declared in a flavour file, or retired.
    """
    old = _own(row)
    if old.retired_at is not None:
        raise RefusedError(f"{old} is retired: bring it back to change it")
    changed = [name for name in fields if getattr(old, name) != getattr(row, name)]
    if not changed:
        return
    row.save(update_fields=changed)
    activities.record(user, "changed", row, reason="; ".join(differences.told(name, old, row) for name in changed))
    _act_on(old, changed)
    _act_on(row, changed)


@transaction.atomic
def retire(row: Declared, user: User, *, reason: str = "") -> None:
    """Stop looking after something and all that was declared under it. What runs goes on running.

    :raises RefusedError: it is declared in a flavour file, or retired already.
    """
    old = _own(row)
    if old.retired_at is not None:
        raise RefusedError(f"{old} is retired already")
    activities.record(user, "retired", old, reason=reason)
    declarations.retire(old)


@transaction.atomic
def bring_back(row: Declared, user: User, *, reason: str = "") -> None:
    """Look again after something that was retired, and after what was retired with it.

    From then on it is declared in the admin, wherever it was declared before.

    :raises RefusedError: it is not retired, what it belongs to is, or its place is taken.
    """
    old = _locked(row)
    if old.retired_at is None:
        raise RefusedError(f"{old} is not retired")
    parent = _parent(old)
    if parent is not None and parent.retired_at is not None:
        raise RefusedError(f"{old} belongs to {parent}, which is retired: bring that back first")
    activities.record(user, "brought back", old, reason=reason)
    _bring_back(old, since=old.retired_at)
    _act_on(old, {field.name for field in old._meta.fields})


def _bring_back(row: Declared, *, since: datetime) -> None:
    if isinstance(row, Service) and (rival := _rival(row)):
        raise RefusedError(f"{row} cannot be brought back: {rival.target} has a service of that name")
    row.retired_at, row.origin = None, ""
    row.save(update_fields=["retired_at", "origin"])
    for child in declarations.children_of(row):
        # Retiring goes from the top down: what was retired before its parent stays so.
        if child.retired_at is not None and child.retired_at >= since:
            _bring_back(child, since=since)


def _rival(row: Service) -> Service | None:
    same = {name: getattr(row, name) for name in KEYS[Service]}
    return Service.objects.filter(retired_at=None, **same).select_related("target").first()


def _parent(row: Declared) -> Declared | None:
    for name in ("flavour", "repository", "recipe", "target"):
        if isinstance(parent := getattr(row, name, None), Declared):
            return parent
    return None


def _locked(row: _Row) -> _Row:
    return type(row)._default_manager.select_for_update(no_key=True).get(pk=row.pk)


def _own(row: _Row) -> _Row:
    old = _locked(row)
    if old.origin:
        raise RefusedError(f"{old} is declared in {old.origin}: change it there")
    return old


def _act_on(row: Declared, fields: Collection[str]) -> None:
    """Have looked at again what these fields decide."""
    match row:
        case Repository() if {"source", "options"} & set(fields):
            # Another address or other options may show other refs: nothing that was seen there still counts.
            Repository.objects.filter(pk=row.pk).update(validator="", look_error="")
            heads.ask([row], clock.now())
        case Input() if {"reader", "options"} & set(fields):
            Input.objects.filter(pk=row.pk).update(next_read_at=clock.now())
        case Flavour() if "harmless" in fields:
            for repository in row.repositories.filter(retired_at=None):
                declarations.reevaluate(repository)
    if "gates" in fields:
        gates.of_declared(row)
    affected = declarations.repository_of(row)
    if affected is not None:
        declarations.reevaluate(affected)
    hints.changed()
