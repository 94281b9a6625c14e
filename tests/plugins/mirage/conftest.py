"""A real registry that holds unikernels, and a real machine behind ssh."""

from tests.containers.registry.conftest import publisher
from tests.docker_real import plain_registry, ssh_host

__all__ = ["plain_registry", "publisher", "ssh_host"]
