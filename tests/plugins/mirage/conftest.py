"""Real registries, a cluster whose workers push to one, and a real machine behind ssh."""

from tests.containers.registry.conftest import publisher
from tests.docker_real import closed_registry, plain_registry, ssh_host
from tests.ocluster_server.fixtures import scheduler
from tests.plugins.cluster import cluster

__all__ = ["closed_registry", "cluster", "plain_registry", "publisher", "scheduler", "ssh_host"]
