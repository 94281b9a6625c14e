"""Who this plugin is: a builder and a deployer that work on the host of the runner itself."""

from core.api import PluginConfig


class HostConfig(PluginConfig):
    name = "plugins.host"
    label = "host"
    verbose_name = "This host"
