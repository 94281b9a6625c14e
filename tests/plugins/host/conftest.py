import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from plugins.host import services
from tests.e2e.harness import free_port
from tests.plugins.host.world import bubblewrap_works, required


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """What the plugin keeps; every service in it is ended after the test."""
    path = tmp_path / "data"
    path.mkdir(exist_ok=True)
    yield path
    asyncio.run(services.stop_all(path))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def bubblewrap() -> None:
    required(bubblewrap_works(), "bubblewrap is not installed here, or may not make a sandbox")
