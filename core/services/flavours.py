"""How a flavour is run."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from core.models import Flavour
from core.services import activities, declarations, hints
from core.states import Level


@transaction.atomic
def configure(flavour: Flavour, *, harmless: bool, threshold: Level | None, lifts_at: datetime | None) -> None:
    """Run a flavour as the command line says.

    A threshold that somebody set stays when the command line names none, unless it was part of running harmlessly.
    """
    row = Flavour.objects.select_for_update().get(pk=flavour.pk)
    changed = row.harmless != harmless
    if threshold is not None or row.harmless:
        row.threshold, row.threshold_lifts_at = threshold, lifts_at
    row.harmless = harmless
    row.save(update_fields=["threshold", "threshold_lifts_at", "harmless"])
    if changed:
        for repository in row.repositories.filter(retired_at=None):
            declarations.reevaluate(repository)
    hints.changed()


@transaction.atomic
def set_threshold(flavour: Flavour, threshold: Level | None, user: User, *, reason: str = "") -> None:
    """Set from which level on operations wait for approval; None: none does."""
    row = Flavour.objects.select_for_update().get(pk=flavour.pk)
    row.threshold, row.threshold_lifts_at = threshold, None
    row.save(update_fields=["threshold", "threshold_lifts_at"])
    activities.record(
        user, f"set the threshold to {threshold.word if threshold is not None else 'none'}", row, reason=reason
    )
    hints.changed()
