"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Builder, Deployer, hookimpl
from plugins.mirage.builder import UnikernelBuilder
from plugins.mirage.redeploy import RedeployDeployer


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [UnikernelBuilder()]


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [RedeployDeployer()]
