"""Who this plugin is: images that are made elsewhere."""

from core.api import PluginConfig


class ImagesConfig(PluginConfig):
    name = "plugins.images"
    label = "images"
    verbose_name = "Images of others"
