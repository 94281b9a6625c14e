"""OCluster's interfaces, from our own declaration of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import capnp


@cache
def api() -> Any:
    """`ocluster.capnp`, loaded: its members are the interfaces and structs by their names."""
    return capnp.load(str(Path(__file__).parent.parent / "ocluster.capnp"))
