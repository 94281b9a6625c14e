"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Deployer, hookimpl
from plugins.albatross.deployer import AlbatrossDeployer


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [AlbatrossDeployer()]
