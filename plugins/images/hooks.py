"""Where this plugin joins in."""

from __future__ import annotations

from collections.abc import Sequence

from core.api import Builder, InputReader, Source, hookimpl
from plugins.images.builder import ImageBuilder
from plugins.images.inputs import PulledImage, TaggedImage
from plugins.images.source import ImageSource


@hookimpl
def deployer_register_sources() -> Sequence[Source]:
    return [ImageSource()]


@hookimpl
def deployer_register_builders() -> Sequence[Builder]:
    return [ImageBuilder()]


@hookimpl
def deployer_register_inputs() -> Sequence[InputReader]:
    return [TaggedImage(), PulledImage()]
