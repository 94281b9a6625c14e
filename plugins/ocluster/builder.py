"""Builds images on OCluster: a build for each platform, and one index under the release's name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from containers import checks
from containers.annotations import of_release
from containers.names import ImageName
from containers.registry import copy_image, manifests_of, write_index
from core.api import BuildRequest, Context, Finding, Pool, PublishRequest, Purpose, Stalled, secret, secret_file
from ocluster import settings
from ocluster.builder import ClusterBuilder
from ocluster.options import ClusterOptions
from ocluster.pools import understood
from ocluster.submission import Submission
from plugins.ocluster import staging
from plugins.ocluster.options import BuilderOptions


class OClusterBuilder(ClusterBuilder):
    """Builds the Dockerfile of a commit on each platform's pool, and puts one index on what the workers pushed."""

    kind = "ocluster"
    Options = BuilderOptions

    async def pools(self) -> Sequence[Pool] | None:
        administration = settings.administration()
        if administration is None:
            return None
        told = understood(await administration.pools())
        self._know(told)
        return told

    async def check_image(self, image: str, data: Path) -> AsyncIterator[Finding]:
        async for finding in checks.of_image(image):
            yield finding

    async def publish(self, request: PublishRequest, context: Context) -> str:
        name = ImageName.parse(request.image)
        copied = {}
        # One after the other: Docker Hub answers too many at once with 429.
        for platform, artifact in sorted(request.artifacts.items()):
            source = ImageName.parse(artifact)
            if not source.digest:
                raise Stalled(f"the worker answered {artifact[:200]!r} for {platform}, which is no image by its digest")
            context.log.note(f"{platform}: copying {source} to {name.name}")
            copied[platform] = await copy_image(source, name, context.log)
        digest = await write_index(name, copied, of_release(request))
        context.log.note(f"{name} is {digest}, for {', '.join(sorted(copied))}")
        return digest

    async def manifests(self, image: str, digest: str) -> Mapping[str, str]:
        return await manifests_of(ImageName.parse(image).at(digest))

    def _arguments(self, request: BuildRequest) -> tuple[str, ...]:
        return tuple(f"{name}={value}" for name, value in request.args.items())

    def _push_target(self, request: BuildRequest, pool: str) -> str:
        assert request.image is not None
        options = cast(BuilderOptions, request.options)
        repository = options.staging or settings.staging()
        if not repository:
            raise Stalled(
                "workers need a repository to push to, from which the release is made: name it by the recipe's option"
                f" `staging` or by {settings.STAGING}"
            )
        return f"{repository}:{staging.tag(request.image, pool)}"

    def _submission(self, request: BuildRequest, options: ClusterOptions, context: Context) -> Submission:
        secrets = _secrets(request, cast(BuilderOptions, options), context)
        return replace(super()._submission(request, options, context), secrets=secrets)


def _secrets(request: BuildRequest, options: BuilderOptions, context: Context) -> tuple[tuple[str, str], ...]:
    if request.purpose is not Purpose.RELEASE:
        return ()
    found = []
    for name in options.secrets:
        value = secret(name)
        if value is None:
            raise Stalled(f"recipe {request.recipe!r} needs the secret {name!r}: put it into {secret_file(name)}")
        for line in (value, *value.splitlines()):
            context.log.redact(line)
        found.append((name, value))
    return tuple(found)
