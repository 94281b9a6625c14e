"""Settings of this plugin."""

from __future__ import annotations

from pydantic import Field

from core.api import PluginSettings


class DockerSettings(PluginSettings, env_prefix="DEPLOYER_DOCKER_"):
    """What engines are used for, and how much of them."""

    builds: int = Field(4, ge=1, description="Builds that one engine has in hand at once.")
    cache_gb: int = Field(20, ge=0, description="Gigabytes of build cache that an engine may keep.")

    @property
    def cache_bytes(self) -> int:
        return self.cache_gb * 10**9
