"""Who this plugin is."""

from core.api import PluginConfig


class MatrixConfig(PluginConfig):
    name = "deployer_matrix"
    label = "matrix"
    verbose_name = "Matrix"
    api_version = "1.0"
