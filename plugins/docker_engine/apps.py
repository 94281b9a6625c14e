"""Who this plugin is: a builder that uses Docker engines."""

from core.api import PluginConfig


class DockerEngineConfig(PluginConfig):
    name = "plugins.docker_engine"
    label = "docker_engine"
    verbose_name = "Docker engine"
