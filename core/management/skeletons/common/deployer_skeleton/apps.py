"""Who this plugin is."""

from core.api import PluginConfig


class SkeletonConfig(PluginConfig):
    name = "deployer_skeleton"
    label = "skeleton"
    #: What it was written for. A deployer whose API is another one says so instead of loading it.
    api_version = "1.0"
