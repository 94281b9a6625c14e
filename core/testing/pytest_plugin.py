"""Fixtures for the tests of plugins, installed with the deployer. Imports are late: Django is not configured yet here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Set what `core.api.secret` reads in one test: `secrets("my_token", "s3cret")`. There are no others then.

    It needs no Django settings: a package that has none is tested with those of a deployer that nobody has set up.
    """
    from django.conf import ENVIRONMENT_VARIABLE, settings

    from core.configuration import PREFIX, Configuration

    if not settings.configured and not os.environ.get(ENVIRONMENT_VARIABLE):
        settings.configure(DEPLOYER=Configuration(data_dir=tmp_path))
    directory = tmp_path / "secrets"
    directory.mkdir()
    for name in [name for name in os.environ if name.startswith(f"{PREFIX}SECRET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "DEPLOYER", settings.DEPLOYER.model_copy(update={"secrets_dir": directory}))

    def write(name: str, value: str) -> None:
        (directory / name.lower()).write_text(value)

    return write
