"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from containers.registry.settings import RegistrySettings
from containers.tunnels import SshSettings
from core.api import Builder, PluginSettings, hookimpl
from plugins.docker_engine.builder import DockerBuilder
from plugins.docker_engine.settings import DockerSettings


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [DockerBuilder()]


@hookimpl
def deployer_register_settings() -> Sequence[type[PluginSettings]]:
    # The last two are of all plugins that have to do with containers, of which this is the first.
    return [DockerSettings, RegistrySettings, SshSettings]
