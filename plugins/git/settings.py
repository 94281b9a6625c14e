"""Settings of this plugin."""

from __future__ import annotations

from pydantic import Field, SecretStr

from core.api import PluginSettings


class GitSettings(PluginSettings, env_prefix="DEPLOYER_GIT_"):
    """What webhooks of plain Git servers have to say."""

    webhook_secret: SecretStr = Field(
        SecretStr(""), description="The header `X-Deployer-Secret` of webhooks; anybody may send them if empty."
    )
