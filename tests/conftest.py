"""Fixtures and profiles of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from core.plugins import plugins
from tests.dummy_plugin.hooks import Dummy

# A deadline would measure the machine.
hypothesis_settings.register_profile("default", max_examples=50, deadline=None)
hypothesis_settings.register_profile("slow", max_examples=3000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(autouse=True)
def _own_data(settings: Any, tmp_path: Path) -> None:
    """Give each test a data directory of its own: logs are named by keys, which every test begins anew."""
    settings.DEPLOYER = settings.DEPLOYER.model_copy(update={"data_dir": tmp_path / "deployer"})


@pytest.fixture
def dummy() -> Iterator[Dummy]:
    """The dummy plugin, there for one test: kind `dummy` in every role."""
    hooks = Dummy()
    plugins.register(hooks, name="dummy")
    yield hooks
    plugins.unregister("dummy")
