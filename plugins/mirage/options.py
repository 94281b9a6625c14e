"""How a unikernel is built."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ocluster.options import ClusterOptions


class UnikernelOptions(ClusterOptions):
    """A Dockerfile that builds a MirageOS unikernel, and for what."""

    target: Literal["hvt", "spt", "virtio", "muen", "genode", "xen", "qubes"] = Field(
        "hvt", description="What runs it: the build argument TARGET."
    )
    extra_flags: str = Field("", description="Flags for `mirage configure`: the build argument EXTRA_FLAGS.")
    file: str = Field(
        "", description="Where the image holds it: `/unikernel.hvt`. The one `/unikernel.*` of the image if empty."
    )

    @field_validator("file")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if value and not re.fullmatch(r"(/[A-Za-z0-9_.+-]+)+", value):
            raise ValueError("it is a path in the image, from its root: `/unikernel.hvt`")
        return value

    @field_validator("extra_flags")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("it is one line")
        return value
