"""Recording what a person did."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from core.models import Activity, Flavour

#: From what something was done to, to what that belongs to.
_PARENTS = ("flavour", "repository", "recipe", "target", "service", "release", "commit", "deployment")


def record(user: User | None, verb: str, subject: Model, *, reason: str = "") -> None:
    """Record that a person (None for the deployer itself) did something to a row. Call it inside the transaction."""
    Activity.objects.create(
        user=user,
        verb=verb,
        subject=f"{subject._meta.model_name} {subject.pk}",
        label=_label(subject),
        reason=reason,
        flavour=_flavour(subject),
    )


def _flavour(row: Any) -> Flavour | None:
    """The flavour that a row belongs to, if it is one."""
    while row is not None and not isinstance(row, Flavour):
        row = next((parent for name in _PARENTS if isinstance(parent := getattr(row, name, None), Model)), None)
    return row


def _label(subject: Any) -> str:
    return str(subject)[:300]
