"""Where this plugin joins in."""

from core.api import Login, Source, hookimpl
from plugins.github.login import GitHubLogin
from plugins.github.source import GitHubSource


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [GitHubSource()]


@hookimpl
def deployer_register_logins() -> list[Login]:
    return [GitHubLogin()]
