"""The order in which the services of a target move. Pure; `facts.TargetFact.services` and rows are in that order alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from core.states import Rollout

_Service = TypeVar("_Service")


def ahead(rollout: Rollout, services: Sequence[_Service], index: int) -> Sequence[_Service]:
    """The services of a target that have to be moved before the one at this index: all of them, not just the nearest."""
    match rollout:
        case Rollout.TOGETHER:
            return ()
        case Rollout.IN_ORDER:
            return services[:index]
        case Rollout.CANARY:
            return services[: min(index, 1)]


def behind(rollout: Rollout, services: Sequence[_Service], index: int) -> Sequence[_Service]:
    """The services of a target that wait for the one at this index."""
    first = len(services) if rollout is Rollout.TOGETHER or (rollout is Rollout.CANARY and index) else index + 1
    return services[first:]


def is_canary(rollout: Rollout, services: Sequence[_Service], index: int) -> bool:
    """Whether this is the one that goes first, alone, to see how it fares."""
    return rollout is Rollout.CANARY and index == 0 and len(services) > 1


def place(rollout: Rollout, soak: int, names: Sequence[str], index: int) -> str:
    """Say where a service comes among those of its target; empty where there is no order.

    :param names: of all services of the target, in order.
    """
    if rollout is Rollout.TOGETHER or len(names) < 2:
        return ""
    others = behind(rollout, names, index)
    watched = f", and is watched for {soak} s after its move" if soak and others else ""
    if is_canary(rollout, names, index):
        return f"the canary: it moves before the {len(others)} other{'s' if len(others) > 1 else ''}{watched}"
    if rollout is Rollout.CANARY:
        return f"it moves after the canary {names[0]}"
    return f"number {index + 1} of {len(names)} that move one after another{watched}"
