"""What is done when a service does not run what its latest deployment says. Pure.

Laws (tests/core/pipeline/test_drift.py):

- Without `heal`, and while somebody holds the service, nothing is put right.
- Of repairs that nobody asked for there are never more than `MOST` within an hour; after so many it asks, until somebody
  deploys the service or a new release does. So two controllers, or one and a person, do not fight for ever.
- A repair that failed is not tried again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from core.pipeline.facts import DriftFact
from core.states import DriftPolicy

#: Repairs that nobody asked for, after which the service asks where the first of them is no longer ago than this.
MOST, WITHIN = 3, timedelta(hours=1)
#: What has to pass after the first repair, and after those that follow it, before there is another.
PAUSES = (timedelta(minutes=1), timedelta(minutes=5))


class DriftAction(StrEnum):
    """What follows. `wait`: it is put right a little later; `held`: once nobody holds it any more."""

    NOTHING = "nothing"
    ASK = "ask"
    HEAL = "heal"
    WAIT = "wait"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class DriftDecision:
    """What is done about drift, and a sentence that says so."""

    action: DriftAction
    sentence: str = ""


def decide(drift: DriftFact) -> DriftDecision:
    """Say what is to be done."""
    if drift.policy is DriftPolicy.OFF:
        return DriftDecision(DriftAction.NOTHING)
    if drift.policy is DriftPolicy.ASK:
        return DriftDecision(DriftAction.ASK, "It stays so until somebody puts it right or a new release is deployed")
    if drift.repairs and drift.repairs[-1].failed:
        return DriftDecision(DriftAction.ASK, "To put it right has failed; it is not tried again before somebody asks")
    if len(drift.repairs) >= MOST and drift.repairs[-1].at - drift.repairs[-MOST].at <= WITHIN:
        return DriftDecision(
            DriftAction.ASK,
            f"It was put right {MOST} times within an hour and drifted again: something else changes it. It is left alone"
            " until somebody puts it right or a new release is deployed",
        )
    if drift.held:
        return DriftDecision(DriftAction.HELD, f"It is put right once that is lifted: {drift.held}")
    if drift.repairs:
        next_at = drift.repairs[-1].at + PAUSES[min(len(drift.repairs), len(PAUSES)) - 1]
        if drift.now < next_at:
            return DriftDecision(DriftAction.WAIT, f"It is put right after {next_at:%H:%M:%S} UTC")
    return DriftDecision(DriftAction.HEAL, "It is about to be put right")


def words(*, current: str, observed: str, otherwise: str) -> str:
    """What is not as the latest deployment said; empty where all is.

    :param current: the digest that it was moved to.
    :param observed: the one that it was seen running; empty for one that nobody can tell.
    :param otherwise: what else its deployer says was changed.
    """
    other = observed and observed != current
    image = (
        f"it runs {observed.removeprefix('sha256:')[:12]}, another image than its latest deployment" if other else ""
    )
    return "; ".join(filter(None, [image, otherwise]))
