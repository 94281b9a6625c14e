"""Writing down what plugins did wrong: of each plugin the newest few kinds of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F

from core import clock, incidents
from core.incidents import Incident
from core.models import PluginIncident, visible
from core.services import hints

logger = logging.getLogger(__name__)

#: Different incidents of one plugin that are kept.
KEPT = 20


def flush() -> None:
    """Write down what this process has noted since the last time; what cannot be written now is kept."""
    taken = incidents.take()
    if not taken:
        return
    try:
        with visible.only(None):
            _add(taken, clock.now())
    except Exception:
        incidents.give_back(taken)
        logger.exception("what plugins did wrong could not be written down; it is kept for the next time")


@transaction.atomic
def _add(taken: Mapping[Incident, int], now: datetime) -> None:
    for each, count in sorted(taken.items(), key=lambda item: str(item[0])):
        key = {"plugin": each.plugin, "kind": each.kind, "where": each.where, "detail": each.detail}
        row, _ = PluginIncident.objects.get_or_create(**key, defaults={"first_at": now})
        PluginIncident.objects.filter(pk=row.pk).update(count=F("count") + count, last_at=now)
    for plugin in {each.plugin for each in taken}:
        older = PluginIncident.objects.filter(plugin=plugin).values_list("pk", flat=True)[KEPT:]
        PluginIncident.objects.filter(pk__in=list(older)).delete()
    hints.changed()
