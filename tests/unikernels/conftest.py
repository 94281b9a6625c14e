"""A real registry to take unikernels out of."""

from tests.containers.registry.conftest import publisher
from tests.docker_real import plain_registry

__all__ = ["plain_registry", "publisher"]
