"""How an image is built from a commit."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, field_validator, model_validator

from containers import hosts
from containers.names import ImageName
from core.api import ConfigurationError, Options, Stalled


class BuilderOptions(Options):
    """A Dockerfile and how it is built."""

    dockerfile: str = Field("Dockerfile", description="Path of the Dockerfile in the repository.")
    context: str = Field(".", description="Directory in the repository that the build sees.")
    target: str = Field("", description="Stage to build; the last one if empty.")
    engine: str = Field(
        "",
        description="Host whose engine builds: a Docker context, an address, or a host for ssh; this host's if empty.",
    )
    engines: dict[str, str] = Field(
        default_factory=dict, description="Hosts for single platforms: `{'linux/arm64': 'arm1'}`."
    )
    buildkit: bool = Field(True, description="Build with BuildKit; the classic builder knows no secrets and no mounts.")
    secrets: tuple[str, ...] = Field(
        (), description="Secrets for `RUN --mount=type=secret,id=NAME`. Check builds never see them."
    )
    cache_from: tuple[str, ...] = Field((), description="Images whose layers may be taken instead of building them.")
    cache_to: Literal["", "inline"] = Field(
        "", description="`inline`: what is published can be named in `cache_from` by others."
    )
    pull: bool = Field(False, description="Look for newer base images before each build.")
    squash: bool = Field(False, description="Make one layer of what is built; the engine has to be experimental.")
    include_git: bool = Field(False, description="Let the build see `.git` with its history.")
    network: str = Field("", description="Network of RUN steps: `host`, `none`; the engine's own choice if empty.")

    @field_validator("dockerfile", "context")
    @classmethod
    def _inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if not value or path.is_absolute() or ".." in path.parts or value.startswith("-") or "\0" in value:
            raise ValueError("it is a path in the repository: relative, without `..`")
        return value

    @field_validator("target", "network")
    @classmethod
    def _word(cls, value: str) -> str:
        if value and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*", value):
            raise ValueError("it is one word: letters, digits, `_`, `.`, `:` and `-`")
        return value

    @field_validator("secrets")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise ValueError(f"{name!r}: a secret's name has letters, digits and `_`")
        return value

    @field_validator("cache_from")
    @classmethod
    def _images(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(str(ImageName.parse(name)) for name in value)
        except Stalled as error:
            raise ValueError(str(error)) from None

    @field_validator("engine")
    @classmethod
    def _engine(cls, value: str) -> str:
        return _host(value)

    @field_validator("engines")
    @classmethod
    def _engines(cls, value: dict[str, str]) -> dict[str, str]:
        return {platform: _host(host) for platform, host in value.items()}

    @model_validator(mode="after")
    def _possible(self) -> BuilderOptions:
        if not self.buildkit and (self.secrets or self.cache_to):
            raise ValueError("`secrets` and `cache_to` need BuildKit: leave `buildkit` on")
        return self

    def engine_for(self, platform: str) -> str:
        """The host whose engine builds for a platform."""
        return self.engines.get(platform, self.engine)


def _host(value: str) -> str:
    if "://" in value:
        try:
            hosts.find(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
    elif value.startswith("-") or any(character.isspace() or character in "@/" for character in value):
        raise ValueError(f"{value!r} is no host's name; with a user or a port write `ssh://user@host:port`")
    return value
