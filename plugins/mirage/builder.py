"""Builds MirageOS unikernels on the cluster. What a worker pushed is the release: an image that holds one file."""

from __future__ import annotations

from typing import cast

from containers.names import ImageName
from core.api import BuildRequest, Context, PublishRequest, Stalled
from ocluster.builder import ClusterBuilder
from ocluster.options import ClusterOptions
from plugins.mirage.options import UnikernelOptions
from unikernels import fetch


class UnikernelBuilder(ClusterBuilder):
    """Builds a Dockerfile that is told by TARGET what runs the unikernel.

    A target's image is in the staging repository: nothing pulls it by its name, and its digest is the release.
    """

    kind = "mirage"
    Options = UnikernelOptions

    async def publish(self, request: PublishRequest, context: Context) -> str:
        """See that the image holds a unikernel for what it was built for, and answer the image's digest.

        :raises Stalled: it holds none, or two, or one for something else.
        """
        options = cast(UnikernelOptions, request.options)
        if len(request.artifacts) != 1:
            raise Stalled("a unikernel is for one platform: give the recipe one, and others recipes of their own")
        [(platform, artifact)] = request.artifacts.items()
        pushed, image = ImageName.parse(artifact), ImageName.parse(request.image)
        if not pushed.digest or (pushed.registry, pushed.repository) != (image.registry, image.repository):
            raise Stalled(f"the worker pushed {artifact[:200]!r}, which is not in {image.name}")
        to = context.scratch / "unikernel"
        found = await fetch(pushed, options.file, options.target, to, platform=platform, log=context.log)
        context.log.note(f"{image} is {pushed.digest}: {found.size} bytes for {found.target}")
        return pushed.digest

    def _arguments(self, request: BuildRequest) -> tuple[str, ...]:
        options = cast(UnikernelOptions, request.options)
        flags = {"EXTRA_FLAGS": options.extra_flags} if options.extra_flags else {}
        given = {"TARGET": options.target, **flags, **request.args}
        return tuple(f"{name}={value}" for name, value in given.items())

    def _push_target(self, request: BuildRequest, pool: str) -> str:
        assert request.image is not None
        name = ImageName.parse(request.image)
        return str(name if name.tag else name.tagged("latest"))

    def _cache_hint(self, request: BuildRequest, options: ClusterOptions) -> str:
        # As upstream has it: all of a unikernel's targets have their own OCaml switches.
        return options.cache_hint or f"{request.repository.partition('/')[2]}-{cast(UnikernelOptions, options).target}"
