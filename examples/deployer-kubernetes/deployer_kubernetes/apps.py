"""Who this plugin is."""

from core.api import PluginConfig


class KubernetesConfig(PluginConfig):
    name = "deployer_kubernetes"
    label = "kubernetes"
    #: What it was written for. A deployer whose API is another one says so instead of loading it.
    api_version = "1.0"
