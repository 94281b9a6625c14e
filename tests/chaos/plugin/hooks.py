"""Where this plugin joins in."""

from core.api import Builder, Deployer, Notifier, hookimpl
from tests.chaos.plugin.roles import ChaosBuilder, ChaosDeployer, ChaosNotifier


@hookimpl
def deployer_register_builders() -> list[Builder]:
    return [ChaosBuilder()]


@hookimpl
def deployer_register_deployers() -> list[Deployer]:
    return [ChaosDeployer()]


@hookimpl
def deployer_register_notifiers() -> list[Notifier]:
    return [ChaosNotifier()]
