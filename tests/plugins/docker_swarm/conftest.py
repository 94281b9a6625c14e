"""A real swarm, real registries, and a service in them for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docker_real import (
    RealEngine,
    RealRegistry,
    closed_registry,
    engine,
    plain_registry,
    ssh_host,
    tls_registry,
    unique,
)
from tests.plugins.docker_swarm.world import World

__all__ = ["closed_registry", "engine", "plain_registry", "ssh_host", "tls_registry"]


@pytest.fixture
def world(engine: RealEngine, plain_registry: RealRegistry) -> Iterator[World]:
    made = World(engine, plain_registry, unique("web"), f"{plain_registry.name}/{unique('web')}")
    yield made
    made.remove()
