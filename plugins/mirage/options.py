"""How a unikernel is built."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from ocluster.options import ClusterOptions

#: What can run a unikernel, by the names of `mirage configure`.
Target = Literal["hvt", "spt", "virtio", "muen", "genode", "xen", "qubes"]


def absolute(path: str) -> str:
    """Answer a path that is one from the root, of harmless characters.

    :raises ValueError: it is another.
    """
    if not re.fullmatch(r"(/[A-Za-z0-9_.+-]+)+", path) or ".." in path.split("/"):
        raise ValueError("it is a path from the root: `/unikernel.hvt`")
    return path


class UnikernelOptions(ClusterOptions):
    """A Dockerfile that builds a MirageOS unikernel, and for what."""

    target: Target = Field("hvt", description="What runs it: the build argument TARGET.")
    extra_flags: str = Field("", description="Flags for `mirage configure`: the build argument EXTRA_FLAGS.")
    file: str = Field(
        "", description="Where the image holds it: `/unikernel.hvt`. The one `/unikernel.*` of the image if empty."
    )

    @field_validator("file")
    @classmethod
    def _absolute(cls, value: str) -> str:
        return absolute(value) if value else value

    @field_validator("extra_flags")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("it is one line")
        return value
