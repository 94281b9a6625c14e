"""Who this plugin is: MirageOS unikernels."""

from core.api import PluginConfig


class MirageConfig(PluginConfig):
    name = "plugins.mirage"
    label = "mirage"
    verbose_name = "MirageOS"
