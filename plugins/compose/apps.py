"""Who this plugin is: a deployer that runs compose projects."""

from core.api import PluginConfig


class ComposeConfig(PluginConfig):
    name = "plugins.compose"
    label = "compose"
    verbose_name = "Compose projects"
