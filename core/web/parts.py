"""Long lists a part at a time, newest first, from a key on: no part takes longer to find than the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list.

    :param older: the key that the next part begins before; None at the end.
    :param newer: the key that the part before this one begins after; None at the beginning.
    """

    rows: list[Any]
    older: int | None
    newer: int | None


def part_of(rows: QuerySet[Any], request: HttpRequest, size: int) -> Part:
    """The part that an address asks for by `before` or `after`, which are keys; the first one if by neither.

    Two queries: one for the rows, one for whether there are newer ones.
    """
    before, after = _key(request, "before"), _key(request, "after")
    if after is not None:
        newest_last = list(rows.filter(pk__gt=after).order_by("pk")[: size + 1])
        found, more = newest_last[:size][::-1], len(newest_last) > size
        if not more:
            # Those who go back come to a whole first part, however many there are by now.
            return _first(rows, size)
        return Part(found, found[-1].pk, found[0].pk)
    if before is None:
        return _first(rows, size)
    found = list(rows.filter(pk__lt=before).order_by("-pk")[: size + 1])
    newer = rows.filter(pk__gte=before).exists()
    last = found[size - 1].pk if len(found) > size else None
    return Part(found[:size], last, (found[0].pk if found else before - 1) if newer else None)


def _first(rows: QuerySet[Any], size: int) -> Part:
    """The newest of a list."""
    found = list(rows.order_by("-pk")[: size + 1])
    return Part(found[:size], found[size - 1].pk if len(found) > size else None, None)


def _key(request: HttpRequest, name: str) -> int | None:
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
