"""Where this plugin joins in."""

from core.api import Source, hookimpl

from .source import SkeletonSource


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [SkeletonSource()]
