"""Rows of some flavours alone: what the page of somebody is made from who may not look at all of them.

It holds for every query that begins at a model's `objects`, in the context that asked for it, and not only where
somebody remembered to filter: a page that is added later shows no more than the others. Rows that belong to no one
flavour (webhooks, messages) are then not there at all. Following a key from a row that was found asks no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import models

_M = TypeVar("_M", bound=models.Model, covariant=True)

#: The keys of the flavours whose rows there are now; None for all.
_flavours: ContextVar[frozenset[int] | None] = ContextVar("deployer_visible", default=None)


@contextmanager
def only(flavours: frozenset[int] | None) -> Iterator[None]:
    """Have only the rows of these flavours until the end of the block; all where None is given."""
    token = _flavours.set(flavours)
    try:
        yield
    finally:
        _flavours.reset(token)


def now() -> frozenset[int] | None:
    """The keys of the flavours whose rows there are now; None for all."""
    return _flavours.get()


class Visible(models.Manager[_M]):
    """A model's manager.

    :param path: the way from a row to the key of its flavour; empty for rows that belong to no one flavour.
    """

    def __init__(self, path: str = "") -> None:
        super().__init__()
        self.path = path

    def get_queryset(self) -> models.QuerySet[_M]:
        rows = super().get_queryset()
        flavours = _flavours.get()
        if flavours is None:
            return rows
        # A manager of the rows that belong to another row is made by Django, without arguments.
        path = self.path or getattr(self.model._default_manager, "path", "")
        if not path:
            return rows.none()
        return rows.filter(_through(self.model, path, flavours))


def _through(model: type[models.Model], path: str, flavours: frozenset[int]) -> models.Q:
    """Without a join of the rows themselves: they may be locked, and then nothing else is to be."""
    first, _, rest = path.partition("__")
    if not rest:
        return models.Q(**{f"{first}__in": flavours})
    parent: Any = model._meta.get_field(first).related_model
    return models.Q(**{f"{first}__in": parent._base_manager.filter(**{f"{rest}__in": flavours})})
