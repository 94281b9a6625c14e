"""What plugins tell of themselves, kept where every process finds it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from core.models import BuilderPools, PluginFact
from core.services import hints
from core.values import Fact, Pool


@transaction.atomic
def record(plugin: str, facts: Sequence[Fact], now: datetime) -> None:
    """Write down what a plugin tells of itself now; what it tells no more is forgotten."""
    before = _shown(plugin)
    for fact in facts:
        told = {"text": fact.text[:500], "warning": fact.warning, "numbers": dict(fact.numbers), "at": now}
        PluginFact.objects.update_or_create(plugin=plugin, label=fact.label[:100], defaults=told)
    PluginFact.objects.filter(plugin=plugin).exclude(label__in=[fact.label[:100] for fact in facts]).delete()
    # Numbers change all the time, and no page shows them.
    if _shown(plugin) != before:
        hints.changed()


def _shown(plugin: str) -> set[tuple[str, str, bool]]:
    return set(PluginFact.objects.filter(plugin=plugin).values_list("label", "text", "warning"))


@transaction.atomic
def record_pools(builder: str, pools: Sequence[Pool], now: datetime) -> None:
    """Write down the machines that a builder builds on now."""
    told = [asdict(pool) for pool in pools]
    former = BuilderPools.objects.filter(builder=builder).first()
    BuilderPools.objects.update_or_create(builder=builder, defaults={"pools": told, "error": "", "at": now})
    if former is None or former.error or former.pools != [{**pool, "workers": list(pool["workers"])} for pool in told]:
        hints.changed()


@transaction.atomic
def record_pools_unknown(builder: str, reason: str) -> None:
    """Write down why nothing newer is known; what was known before stays."""
    BuilderPools.objects.update_or_create(builder=builder, defaults={"error": reason})
    hints.changed()
