"""How an image is built on the cluster."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from ocluster.options import ClusterOptions


class BuilderOptions(ClusterOptions):
    """A Dockerfile, and how a worker of the cluster builds it."""

    secrets: tuple[str, ...] = Field(
        (), description="Secrets for `RUN --mount=type=secret,id=NAME`. Check builds never see them."
    )

    @field_validator("secrets")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if not re.fullmatch(r"[A-Za-z0-9_]+", name):
                raise ValueError(f"{name!r}: a secret's name has letters, digits and `_`")
        return value
