"""Where this plugin joins in."""

from core.api import Deployer, hookimpl

from .deployer import SkeletonDeployer


@hookimpl
def deployer_register_deployers() -> list[Deployer]:
    return [SkeletonDeployer()]
