"""The digest that a tag has now, as an input of builds."""

from __future__ import annotations

from typing import cast

from containers.engine import connect
from containers.names import ImageName, digest_in
from containers.pulls import pull
from containers.registry import digest_of
from core.api import Context, InputReader, Level, OperationError, Options
from plugins.images.options import PullOptions, TagOptions

#: An instance of a reader's own options, whose class hides the name of its base.
_Given = Options


class TaggedImage(InputReader):
    """What a registry says that a tag is. Nothing is pulled."""

    kind = "image_tag"
    Options = TagOptions

    async def read(self, options: _Given, context: Context) -> str:
        name = cast(TagOptions, options).name
        digest = await digest_of(name)
        context.log.note(f"{name} is {digest}")
        return digest


class PulledImage(InputReader):
    """What a host has after pulling a tag: the input moves no sooner than that host has the image."""

    kind = "image_pull"
    Options = PullOptions
    level = Level.MOSTLY_HARMLESS

    async def read(self, options: _Given, context: Context) -> str:
        chosen = cast(PullOptions, options)
        return await pulled_digest(chosen.name, chosen.host, context)


async def pulled_digest(name: ImageName, host: str, context: Context) -> str:
    """Have a host pull a tag, and answer the digest that it then has."""
    tagged = name.tagged(name.tag or "latest")
    async with connect(host) as engine:
        await pull(engine, tagged, context.log)
        image = await engine.ask(f"/images/{tagged}/json") or {}
    for reference in image.get("RepoDigests") or []:
        if ImageName.parse(reference).name == tagged.name:
            return digest_in(reference)
    raise OperationError(f"{engine.where} pulled {tagged} and does not say which digest that is")
