"""The builder for what is built already."""

from __future__ import annotations

from collections.abc import Mapping

from containers.names import ImageName
from containers.registry import manifests_of
from core.api import Builder, BuildRequest, Context, Level, PublishRequest
from plugins.images.options import BuilderOptions


class ImageBuilder(Builder):
    """Builds nothing: a commit of the source `image` is an image's digest, and its release is that image."""

    kind = "image"
    Options = BuilderOptions
    build_level = Level.HARMLESS
    publish_level = Level.HARMLESS

    async def build(self, request: BuildRequest, context: Context) -> str:
        return f"sha256:{request.commit.hash}"

    async def publish(self, request: PublishRequest, context: Context) -> str:
        context.log.note(f"{request.image} was published by others")
        return f"sha256:{request.commit.hash}"

    async def manifests(self, image: str, digest: str) -> Mapping[str, str]:
        return await manifests_of(ImageName.parse(image).at(digest))
