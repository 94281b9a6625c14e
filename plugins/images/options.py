"""Which image is followed, and where it is asked for."""

from __future__ import annotations

from pydantic import Field, field_validator

from containers.names import ImageName
from core.api import Options, Stalled


class TagOptions(Options):
    """A tag in a registry."""

    image: str = Field(description="The image with its tag: `owner/name:tag`; `latest` where none is told.")

    @field_validator("image")
    @classmethod
    def _named(cls, value: str) -> str:
        try:
            name = ImageName.parse(value)
        except Stalled as error:
            raise ValueError(str(error)) from None
        if name.digest:
            raise ValueError("it is a tag that is followed, not a digest, which never changes")
        return value

    @property
    def name(self) -> ImageName:
        """The image's name in full."""
        return ImageName.parse(self.image)


class PullOptions(TagOptions):
    """A tag as a host pulls it."""

    host: str = Field("", description="Host whose engine pulls: as a service's host; this host's engine if empty.")


class BuilderOptions(Options):
    """Nothing can be chosen."""
