from tests.docker_real import closed_registry, engine, plain_registry, tls_registry

__all__ = ["closed_registry", "engine", "plain_registry", "tls_registry"]
