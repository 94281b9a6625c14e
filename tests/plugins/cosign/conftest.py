from tests.containers.registry.conftest import proxy, publisher
from tests.docker_real import plain_registry

__all__ = ["plain_registry", "proxy", "publisher"]
