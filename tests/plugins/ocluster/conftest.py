from tests.docker_real import closed_registry
from tests.ocluster_server.fixtures import scheduler
from tests.plugins.cluster import cluster

__all__ = ["closed_registry", "cluster", "scheduler"]
