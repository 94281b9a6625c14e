"""Who this plugin is: deploys unikernels to Albatross."""

from core.api import PluginConfig


class AlbatrossConfig(PluginConfig):
    name = "plugins.albatross"
    label = "albatross"
    verbose_name = "Albatross"
