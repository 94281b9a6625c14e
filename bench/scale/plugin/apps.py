"""Who it is."""

from __future__ import annotations

from core.api import PluginConfig


class SimulatedConfig(PluginConfig):
    name = "bench.scale.plugin"
    label = "simulated"
