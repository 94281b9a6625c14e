"""Fixtures: import them in a test module or a conftest.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ocluster_server.scheduler import Scheduler


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    """A scheduler with one worker for each platform."""
    with Scheduler(tmp_path / "scheduler") as running:
        yield running
