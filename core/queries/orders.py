"""In which order the services of a target move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from core.models import Service
from core.pipeline.rollout import behind, place
from core.states import Rollout


@dataclass(frozen=True, slots=True)
class Order:
    """Where a service comes among those of its target.

    :param position: from 1.
    :param watched: seconds that it is watched after its move.
    :param words: for people; empty where its target's services move together.
    """

    position: int
    watched: int
    words: str


def orders(services: Iterable[Service]) -> dict[int, Order]:
    """The order of each service that is in use, by its key. Expects services with their targets."""
    targets = {service.target_id: service.target for service in services}
    rows = Service.objects.filter(target__in=targets, retired_at=None).order_by(*Service.IN_ORDER)
    siblings: dict[int, list[Service]] = defaultdict(list)
    for row in rows:
        siblings[row.target_id].append(row)
    found: dict[int, Order] = {}
    for key, these in siblings.items():
        target, names = targets[key], [str(each) for each in these]
        rollout = Rollout(target.rollout)
        for index, each in enumerate(these):
            inherited = target.soak if behind(rollout, these, index) else 0
            watched = inherited if each.soak is None else each.soak
            found[each.pk] = Order(index + 1, watched, place(rollout, watched, names, index))
    return found
