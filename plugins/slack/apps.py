"""Who this plugin is."""

from core.api import PluginConfig


class SlackConfig(PluginConfig):
    name = "plugins.slack"
    label = "slack"
    verbose_name = "Slack"
