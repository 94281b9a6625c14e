"""Recording what a person did."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model

from core.models import Activity


def record(user: User | None, verb: str, subject: Model, *, reason: str = "") -> None:
    """Record that a person (None for the deployer itself) did something to a row. Call it inside the transaction."""
    Activity.objects.create(
        user=user, verb=verb, subject=f"{subject._meta.model_name} {subject.pk}", label=_label(subject), reason=reason
    )


def _label(subject: Any) -> str:
    return str(subject)[:300]
