"""The flavours that packages declare: a distribution offers them by the entry points `deployer.flavours`."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from core.entry_points import offered
from core.errors import ConfigurationError
from core.pipeline.declaration import Flavour


def names() -> list[str]:
    """The names of all, in order."""
    return list(_by_name())


def load(name: str) -> Flavour:
    """Load a flavour's declaration.

    :raises ConfigurationError: it does not exist (the others are listed) or cannot be loaded.
    """
    entry = _by_name().get(name)
    if entry is None:
        raise ConfigurationError(f"there is no flavour {name!r}; there are: {', '.join(names()) or 'none'}")
    try:
        flavour = entry.load()
    except Exception as error:
        raise ConfigurationError(f"flavour {name!r} ({entry.value}) cannot be loaded: {error}") from error
    if not isinstance(flavour, Flavour):
        raise ConfigurationError(f"flavour {name!r}: {entry.value} is no Flavour but {flavour!r}")
    return flavour


def origin(name: str) -> str:
    """The place of a flavour's declaration as people name it: `flavours/demo.py`."""
    entry = _by_name().get(name)
    return entry.value.partition(":")[0].replace(".", "/") + ".py" if entry else name


def _by_name() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in offered("deployer.flavours")}
