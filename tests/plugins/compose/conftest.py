from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docker_real import RealEngine, RealRegistry, closed_registry, engine, plain_registry, ssh_host
from tests.plugins.compose.world import World
from tests.real import required

__all__ = ["closed_registry", "engine", "plain_registry", "ssh_host"]


@pytest.fixture
def world(engine: RealEngine, plain_registry: RealRegistry, tmp_path: Path) -> Iterator[World]:
    """A project of its own on the engine, gone after the test."""
    required("docker-compose", "docker-compose")
    (tmp_path / "data").mkdir(exist_ok=True)
    world = World(engine, plain_registry, tmp_path)
    yield world
    world.remove()
