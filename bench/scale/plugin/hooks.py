"""Where it joins in."""

from __future__ import annotations

from bench.scale.plugin.roles import SimulatedBuilder, SimulatedDeployer, SimulatedSource
from core.api import Builder, Deployer, Source, hookimpl


@hookimpl
def deployer_register_sources() -> list[Source]:
    return [SimulatedSource()]


@hookimpl
def deployer_register_builders() -> list[Builder]:
    return [SimulatedBuilder()]


@hookimpl
def deployer_register_deployers() -> list[Deployer]:
    return [SimulatedDeployer()]
