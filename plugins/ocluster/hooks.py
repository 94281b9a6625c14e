"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Builder, PluginSettings, hookimpl
from ocluster.settings import OClusterSettings
from plugins.ocluster.builder import OClusterBuilder


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [OClusterBuilder()]


@hookimpl
def deployer_register_settings() -> Sequence[type[PluginSettings]]:
    return [OClusterSettings]
