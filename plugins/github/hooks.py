"""Where this plugin joins in."""

from core.api import Login, PluginSettings, Source, hookimpl
from plugins.github.login import GitHubLogin
from plugins.github.settings import GitHubSettings
from plugins.github.source import GitHubSource


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [GitHubSource()]


@hookimpl
def deployer_register_logins() -> list[Login]:
    return [GitHubLogin()]


@hookimpl
def deployer_register_settings() -> list[type[PluginSettings]]:
    return [GitHubSettings]
