"""Where this plugin joins in."""

from core.api import Notifier, hookimpl

from .notifier import SkeletonNotifier


@hookimpl
def deployer_register_notifiers() -> list[Notifier]:
    return [SkeletonNotifier()]
