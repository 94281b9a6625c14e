"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Deployer, ServicePlace, hookimpl
from plugins.compose.deployer import ComposeDeployer
from plugins.compose.options import ComposeOptions


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [ComposeDeployer()]


@hookimpl
def deployer_describe_service(service: ServicePlace) -> Sequence[tuple[str, str]]:
    options = service.options
    if not isinstance(options, ComposeOptions):
        return []
    return [
        ("Project", options.project or service.name),
        ("Host", service.host or "the deployer's own"),
        ("Made from", options.summary),
    ]
