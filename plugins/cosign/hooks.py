"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Gate, hookimpl
from plugins.cosign.gate import CosignGate


@hookimpl
def deployer_register_gates() -> Sequence[Gate]:
    return [CosignGate()]
