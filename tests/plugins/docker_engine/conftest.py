from tests.docker_real import closed_registry, engine, plain_registry, ssh_host, tls_registry

__all__ = ["closed_registry", "engine", "plain_registry", "ssh_host", "tls_registry"]
