"""How a flavour is run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from core import clock
from core.errors import RefusedError
from core.models import Flavour
from core.pipeline.validate import retention_faults
from core.services import activities, declarations, hints, tidyings
from core.states import Level


@transaction.atomic
def configure(flavour: Flavour, *, harmless: bool, threshold: Level | None, lifts_at: datetime | None) -> None:
    """Run a flavour as the command line says.

    A threshold that somebody set stays when the command line names none, unless it was part of running harmlessly.
    """
    row = Flavour.objects.select_for_update(no_key=True).get(pk=flavour.pk)
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
def set_threshold(
    flavour: Flavour, threshold: Level | None, user: User, *, reason: str = "", lifts_at: datetime | None = None
) -> Flavour:
    """Set from which level on operations wait for approval; None: none does. What waited for less may start at once.

    :param lifts_at: when it ends by itself; afterwards nothing waits.
    :raises RefusedError: it is that already, runs harmlessly, or the end is past.
    """
    row = Flavour.objects.select_for_update(no_key=True).get(pk=flavour.pk)
    now = clock.now()
    if row.harmless:
        raise RefusedError(f"flavour {row.name} runs harmlessly: start it without --harmless to have a threshold")
    if lifts_at is not None and lifts_at <= now:
        raise RefusedError("it would have ended already: give an end that is to come")
    lifts_at = None if threshold is None else lifts_at
    if row.threshold_at(now) == threshold and (threshold is None or row.threshold_lifts_at == lifts_at):
        raise RefusedError(f"nothing is to be changed. {waits(row, now)}")
    row.threshold, row.threshold_lifts_at = threshold, lifts_at
    row.save(update_fields=["threshold", "threshold_lifts_at"])
    word = threshold.word if threshold is not None else "none"
    until = f" until {lifts_at:%Y-%m-%d %H:%M} UTC" if lifts_at else ""
    activities.record(user, f"set the threshold to {word}", row, reason=f"{reason}{until}".strip())
    hints.changed()
    return row


@transaction.atomic
def keep(flavour: Flavour, kept: Mapping[str, int | None], user: User, *, reason: str = "") -> Flavour:
    """Set how long what is over is kept, in place of what is declared; None: as declared.

    :param kept: by the names of the fields of `Retention`.
    :raises RefusedError: it is that already, or makes no sense.
    """
    row = Flavour.objects.select_for_update(no_key=True).get(pk=flavour.pk)
    before = row.kept
    changed = {name: value for name, value in kept.items() if getattr(row, f"kept_{name}") != value}
    for name, value in changed.items():
        setattr(row, f"kept_{name}", value)
    if faults := list(retention_faults(row.kept)):
        raise RefusedError("; ".join(faults))
    if not changed:
        raise RefusedError(f"nothing is to be changed: {row.name} {tidyings.policy(before)}")
    row.save(update_fields=[f"kept_{name}" for name in changed])
    told = f"{tidyings.policy(row.kept)} (before: {tidyings.policy(before)})"
    activities.record(user, "changed the retention of", row, reason=f"{reason}: {told}" if reason else told)
    return row


def read_threshold(word: str) -> Level | None:
    """A threshold as people write it; `none` for none.

    :raises ConfigurationError: names the levels that exist.
    """
    return None if word.strip().lower() == "none" else Level.parse(word)


def waits(flavour: Flavour, now: datetime) -> str:
    """One sentence: what of a flavour waits for approval."""
    threshold = flavour.threshold_at(now)
    if flavour.harmless:
        return f"Flavour {flavour.name} runs harmlessly: everything waits, and nobody outside is told."
    if threshold is None:
        return f"Nothing of flavour {flavour.name} waits for approval."
    until = f" until {flavour.threshold_lifts_at:%Y-%m-%d %H:%M} UTC" if flavour.threshold_lifts_at else ""
    return f"Of flavour {flavour.name}, what is {threshold.word} or more waits for approval{until}."
