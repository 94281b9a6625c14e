"""Where this plugin joins in."""

from core.api import Gate, hookimpl

from .gate import SkeletonGate


@hookimpl
def deployer_register_gates() -> list[Gate]:
    return [SkeletonGate()]
