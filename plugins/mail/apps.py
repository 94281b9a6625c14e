"""Who this plugin is."""

from core.api import PluginConfig


class MailConfig(PluginConfig):
    name = "plugins.mail"
    label = "mail"
    verbose_name = "E-mail"
