"""Where this plugin joins in."""

from core.api import InputReader, PluginSettings, Source, hookimpl
from plugins.git.inputs import GitHeadReader
from plugins.git.settings import GitSettings
from plugins.git.source import GitSource


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [GitSource()]


@hookimpl
def deployer_register_inputs() -> list[InputReader]:
    return [GitHeadReader()]


@hookimpl
def deployer_register_settings() -> list[type[PluginSettings]]:
    return [GitSettings]
