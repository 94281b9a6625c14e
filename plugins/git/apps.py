"""Who this plugin is."""

from core.api import PluginConfig


class GitConfig(PluginConfig):
    name = "plugins.git"
    label = "git"
    verbose_name = "Git"
