"""Keeping engines tidy: what builds leave behind is removed, what was made elsewhere is left alone."""

from __future__ import annotations

import time

from containers.engine import Engine
from core.api import Context, OperationError
from plugins.docker_engine.commands import MARK

#: Seconds between two rounds on one engine.
INTERVAL = 3600
#: How long an image without a name is kept: one that was built and is about to be published has its name.
UNNAMED_FOR = "24h"


async def tidy(engine: Engine, context: Context, cache_bytes: int) -> None:
    """Remove what is not needed, now and then. That it fails is no fault of the build's."""
    stamp = context.data / f"tidied-{engine.key}"
    try:
        if time.time() - stamp.stat().st_mtime < INTERVAL:
            return
    except FileNotFoundError:
        pass
    stamp.touch()
    try:
        freed = await prune(engine, cache_bytes=cache_bytes)
    except OperationError as error:
        context.log.note(f"housekeeping failed: {error}")
        return
    if freed:
        context.log.note(f"housekeeping freed {freed / 1e9:.1f} GB: images of ours without a name, and old build cache")


async def prune(engine: Engine, *, cache_bytes: int, unnamed_for: str = UNNAMED_FOR) -> int:
    """Remove images of ours that have no name any more, and build cache beyond its limit; answer the bytes freed.

    Images that containers or services use the engine keeps by itself.
    """
    images = {"dangling": ["true"], "label": [MARK], "until": [unnamed_for]}
    removed = await engine.do("POST", "/images/prune", params={"filters": images}) or {}
    cache = await engine.do("POST", "/build/prune", params={"keep-storage": cache_bytes, "all": True}) or {}
    return int(removed.get("SpaceReclaimed") or 0) + int(cache.get("SpaceReclaimed") or 0)
