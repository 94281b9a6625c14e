"""Fixtures for the tests of plugins, installed with the deployer. Imports are late: Django is not configured yet here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def registered() -> Iterator[Callable[[object, str], None]]:
    """Register a plugin's hooks under a name for one test: `registered(my_plugin.hooks, "mine")`."""
    from core.plugins import plugins

    names: list[str] = []

    def register(hooks: object, name: str) -> None:
        plugins.register(hooks, name=name)
        names.append(name)

    yield register
    for name in names:
        plugins.unregister(name)
