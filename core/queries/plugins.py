"""Plugins, with what they tell of themselves and what they did wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from core.models import PluginFact, PluginIncident
from core.plugins import PluginInfo, plugins


@dataclass(frozen=True, slots=True)
class PluginNow:
    """
    :param incidents: newest first.
    """

    info: PluginInfo
    facts: Sequence[PluginFact]
    incidents: Sequence[PluginIncident]


def all_plugins() -> list[PluginNow]:
    """Every plugin that was found, by name."""
    facts: defaultdict[str, list[PluginFact]] = defaultdict(list)
    for fact in PluginFact.objects.all():
        facts[fact.plugin].append(fact)
    incidents: defaultdict[str, list[PluginIncident]] = defaultdict(list)
    for incident in PluginIncident.objects.all():
        incidents[incident.plugin].append(incident)
    return [PluginNow(info, facts[info.name], incidents[info.name]) for info in plugins.infos()]
