"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Builder, hookimpl
from plugins.mirage.builder import UnikernelBuilder


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [UnikernelBuilder()]
