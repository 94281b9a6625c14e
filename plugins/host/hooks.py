"""Where this plugin joins in."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from core.api import Builder, Deployer, ServicePlace, hookimpl
from plugins.host.builder import HostBuilder
from plugins.host.deployer import HostDeployer
from plugins.host.options import DeployerOptions


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [HostBuilder()]


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [HostDeployer()]


@hookimpl
def deployer_describe_service(service: ServicePlace) -> Sequence[tuple[str, str]]:
    options = service.options
    if not isinstance(options, DeployerOptions):
        return []
    facts = {
        "Directory": options.directory,
        "Port": str(options.port or ""),
        "Command": shlex.join(options.command or options.activate),
    }
    return [(label, text) for label, text in facts.items() if text]
