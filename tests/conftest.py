"""Fixtures and profiles of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from core.plugins import plugins
from tests.dummy_plugin.hooks import Dummy

# A deadline would measure the machine.
settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("slow", max_examples=3000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture
def dummy() -> Iterator[Dummy]:
    """The dummy plugin, there for one test: kind `dummy` in every role."""
    hooks = Dummy()
    plugins.register(hooks, name="dummy")
    yield hooks
    plugins.unregister("dummy")
