"""Where this plugin joins in."""

from core.api import Builder, hookimpl

from .builder import SkeletonBuilder


@hookimpl
def deployer_register_builders() -> list[Builder]:
    return [SkeletonBuilder()]
