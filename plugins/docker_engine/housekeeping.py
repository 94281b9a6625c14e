"""Keeping engines tidy: what builds leave behind is removed, what was made elsewhere is left alone."""

from __future__ import annotations

import os
import time

from containers.engine import Engine
from core.api import Context, OperationError
from plugins.docker_engine.commands import MARK

#: Seconds between two rounds on one engine.
INTERVAL = 3600
#: How long an image without a name is kept: one that was built and is about to be published has its name.
UNNAMED_FOR = "24h"
#: GB of build cache that an engine may keep, unless `DEPLOYER_DOCKER_CACHE_GB` says otherwise.
CACHE_GB = 20


async def tidy(engine: Engine, context: Context) -> None:
    """Remove what is not needed, now and then. That it fails is no fault of the build's."""
    stamp = context.data / f"tidied-{engine.key}"
    try:
        if time.time() - stamp.stat().st_mtime < INTERVAL:
            return
    except FileNotFoundError:
        pass
    stamp.touch()
    try:
        freed = await prune(engine)
    except OperationError as error:
        context.log.note(f"housekeeping failed: {error}")
        return
    if freed:
        context.log.note(f"housekeeping freed {freed / 1e9:.1f} GB: images of ours without a name, and old build cache")


async def prune(engine: Engine, *, unnamed_for: str = UNNAMED_FOR, cache_bytes: int | None = None) -> int:
    """Remove images of ours that have no name any more, and build cache beyond its limit; answer the bytes freed.

    Images that containers or services use the engine keeps by itself.
    """
    limit = _cache_bytes() if cache_bytes is None else cache_bytes
    images = {"dangling": ["true"], "label": [MARK], "until": [unnamed_for]}
    removed = await engine.do("POST", "/images/prune", params={"filters": images}) or {}
    cache = await engine.do("POST", "/build/prune", params={"keep-storage": limit, "all": True}) or {}
    return int(removed.get("SpaceReclaimed") or 0) + int(cache.get("SpaceReclaimed") or 0)


def _cache_bytes() -> int:
    words = os.environ.get("DEPLOYER_DOCKER_CACHE_GB", "")
    return int(words if words.isdigit() else CACHE_GB) * 10**9
