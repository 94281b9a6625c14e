"""Who this plugin is: a deployer for Docker Swarm."""

from core.api import PluginConfig


class DockerSwarmConfig(PluginConfig):
    name = "plugins.docker_swarm"
    label = "docker_swarm"
    verbose_name = "Docker Swarm"
