"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Deployer, ServicePlace, hookimpl

from .deployer import KubernetesDeployer
from .options import KubernetesOptions


@hookimpl
def deployer_register_deployers() -> Sequence[Deployer]:
    return [KubernetesDeployer()]


@hookimpl
def deployer_describe_service(service: ServicePlace) -> Sequence[tuple[str, str]]:
    options = service.options
    if not isinstance(options, KubernetesOptions):
        return []
    return [
        ("Deployment", f"{options.namespace}/{options.deployment or service.name}"),
        ("On failure", "moved back" if options.move_back else "left as it is"),
    ]
