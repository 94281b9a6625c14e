"""Webhooks as people may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User

from core.models import Delivery, Repository


@dataclass(frozen=True, slots=True)
class Shown:
    """A webhook. `repositories` are the names that it told, each with the key of the repository that is declared so."""

    row: Delivery
    sender: str
    repositories: Sequence[tuple[str, int | None]]


def shown(rows: Sequence[Delivery], user: User | AnonymousUser) -> list[Shown]:
    """What a person may see of webhooks.

    A source may tell of repositories that are none of ours, and that are not public where they are: whoever has not
    signed in sees nothing of them.
    """
    declared = _declared({row.source for row in rows})
    found = []
    for row in rows:
        named = [(name, declared.get((row.source, name.lower()))) for name in _names(row)]
        ours = [(name, key) for name, key in named if key is not None]
        sees_all = user.is_authenticated or not named
        found.append(Shown(row, row.sender if sees_all or ours else "", named if sees_all else ours))
    return found


def _names(row: Delivery) -> list[str]:
    """Each name once: what was asked for is about a repository as well."""
    return list(dict.fromkeys([*row.repositories, *(each["repository"] for each in row.asked)]))


def _declared(sources: set[str]) -> dict[tuple[str, str], int]:
    """The keys of repositories by their sources and the names that they have there."""
    rows = Repository.objects.filter(source__in=sources).order_by("retired_at", "-pk")
    keys: dict[tuple[str, str], int] = {}
    for key, source, name, renamed_to in rows.values_list("pk", "source", "name", "renamed_to"):
        for each in (name, renamed_to):
            keys.setdefault((source, each.lower()), key)
    return keys
