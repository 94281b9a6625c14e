"""Where this plugin joins in."""

from core.api import Notifier, hookimpl
from deployer_matrix.notifier import MatrixNotifier


@hookimpl
def deployer_register_notifiers() -> list[Notifier]:
    return [MatrixNotifier()]
