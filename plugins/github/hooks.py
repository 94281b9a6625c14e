"""Where this plugin joins in."""

from core.api import Source, hookimpl
from plugins.github.source import GitHubSource


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [GitHubSource()]
