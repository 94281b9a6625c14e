"""How long things are kept here, and what tidying up did last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.logs import places
from core.models import Flavour, Tidying
from core.pipeline.declaration import Retention
from core.services import tidyings


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long a flavour keeps what is over.

    :param set_here: the fields that were set in place of what is declared.
    """

    flavour: Flavour
    kept: Retention
    sentence: str
    set_here: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One time of tidying up; `told` says in words what it removed, `faults` what it could not."""

    finished_at: datetime
    told: str
    removed: dict[str, int]
    faults: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Housekeeping:
    """What there is to know of it.

    :param log_store: where logs are kept when their jobs are over.
    :param going_on: somebody asked for it, and it is not finished.
    :param past: the last times, newest first.
    """

    policies: Sequence[Policy]
    log_store: str
    going_on: bool
    past: Sequence[Past]


def found(most: int = 5) -> Housekeeping:
    """Read it. Three queries."""
    rows = Tidying.objects.exclude(finished_at=None)[:most]
    return Housekeeping(
        policies=[_policy(row) for row in Flavour.objects.filter(retired_at=None)],
        log_store=places.name(),
        going_on=tidyings.now_asked(),
        past=[_past(row, row.finished_at) for row in rows if row.finished_at],
    )


def _policy(row: Flavour) -> Policy:
    names = ("logs", "builds", "refs", "releases")
    set_here = [name for name in names if getattr(row, f"kept_{name}") is not None]
    return Policy(flavour=row, kept=row.kept, sentence=tidyings.policy(row.kept), set_here=set_here)


def _past(row: Tidying, finished_at: datetime) -> Past:
    return Past(finished_at=finished_at, told=tidyings.told(row.removed), removed=row.removed, faults=row.faults)
