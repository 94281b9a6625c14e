"""Who this plugin is."""

from core.api import PluginConfig


class GitHubConfig(PluginConfig):
    name = "plugins.github"
    label = "github"
    verbose_name = "GitHub"
