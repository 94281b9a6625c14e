"""Who this plugin is: builds on OCluster."""

from core.api import PluginConfig


class OClusterConfig(PluginConfig):
    name = "plugins.ocluster"
    label = "ocluster"
    verbose_name = "OCluster"
