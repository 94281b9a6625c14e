"""Who this plugin is: signatures of images."""

from core.api import PluginConfig


class CosignConfig(PluginConfig):
    name = "plugins.cosign"
    label = "cosign"
    verbose_name = "Signatures by cosign"
