"""Who this plugin is."""

from core.api import PluginConfig


class GatesConfig(PluginConfig):
    name = "plugins.gates"
    label = "gates"
    verbose_name = "Gates and steps"
