"""What plugins tell of themselves, kept where every process finds it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from core.models import PluginFact
from core.services import hints
from core.values import Fact


@transaction.atomic
def record(plugin: str, facts: Sequence[Fact], now: datetime) -> None:
    """Write down what a plugin tells of itself now; what it tells no more is forgotten."""
    for fact in facts:
        told = {"text": fact.text[:500], "warning": fact.warning, "at": now}
        PluginFact.objects.update_or_create(plugin=plugin, label=fact.label[:100], defaults=told)
    PluginFact.objects.filter(plugin=plugin).exclude(label__in=[fact.label[:100] for fact in facts]).delete()
    hints.changed()
