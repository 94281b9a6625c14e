"""Builds images on Docker engines, with Docker's command line: the SDK for Python knows no BuildKit."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from containers import checks, faults, tidying
from containers.credentials import Credentials, credentials_for, docker_directory, write_config
from containers.engine import Engine, connect
from containers.names import ImageName
from containers.registry import manifests_of
from core.api import (
    Builder,
    BuildRequest,
    CommandFailed,
    Context,
    Finding,
    Freed,
    OperationError,
    Options,
    PublishRequest,
    Purpose,
    Stalled,
    TidyRequest,
    run,
    secret,
    secret_file,
)
from plugins.docker_engine import clients, commands, housekeeping, publishing
from plugins.docker_engine.commands import Rooms
from plugins.docker_engine.options import BuilderOptions
from plugins.docker_engine.settings import DockerSettings
from plugins.docker_engine.tail import Tail

#: An instance of the builder's own options, whose class hides the name of its base.
_Given = Options


class DockerBuilder(Builder):
    """Builds the Dockerfile of a commit on an engine, pushes the image of each platform, and puts one index on them."""

    kind = "docker"
    Options = BuilderOptions

    def __init__(self) -> None:
        settings = DockerSettings.read()
        self.capacity = settings.builds
        # A wrong setting is told when the process starts, and not by the first build.
        self._cache_bytes = settings.cache_bytes

    def place(self, platform: str, options: _Given, purpose: Purpose) -> str:
        return cast(BuilderOptions, options).engine_for(platform)

    def needs(self, options: _Given) -> Sequence[str]:
        return (cast(BuilderOptions, options).dockerfile,)

    async def check(self, place: str, data: Path) -> AsyncIterator[Finding]:
        try:
            async with connect(place) as engine:
                told = await engine.ask("/version") or {}
                client = await clients.choose(_surroundings(engine), buildkit=False)
        except OperationError as error:
            yield Finding(level="error", text=str(error), remedy="Start the engine, or mend how it is reached.")
        else:
            yield Finding(level="ok", text=f"{engine.where}: Docker {told.get('Version', '?')}, by {client.program}")

    async def check_image(self, image: str, data: Path) -> AsyncIterator[Finding]:
        async for finding in checks.of_image(image):
            yield finding

    async def build(self, request: BuildRequest, context: Context) -> str:
        options = cast(BuilderOptions, request.options)
        host = options.engine_for(request.platform)
        async with connect(host) as engine:
            await _tell_platform(engine, request.platform, context)
            environment = _environment(engine, options, _credentials(request, options), context)
            client = await clients.choose(environment, buildkit=options.buildkit)
            rooms = await _rooms(request, options, context)
            tag = _tag(request)
            command = commands.build(client.program, request, options, rooms, tag)
            await _run(engine, command, environment, context)
            await housekeeping.tidy(engine, context, self._cache_bytes)
        if not rooms.image_id.exists():
            return "nothing kept: it was a check"
        image_id = rooms.image_id.read_text().strip()
        context.log.note(f"image {image_id}")
        return commands.artifact(image_id, host)

    async def publish(self, request: PublishRequest, context: Context) -> str:
        return await publishing.publish(request, context)

    async def manifests(self, image: str, digest: str) -> Mapping[str, str]:
        return await manifests_of(ImageName.parse(image).at(digest))

    async def tidy(self, request: TidyRequest, context: Context) -> Freed:
        return await tidying.tidy(request, context)


def _surroundings(engine: Engine) -> dict[str, str]:
    """What a command line needs to be found and asked, without anything that is the deployer's own."""
    return {**engine.environment, "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "/")}


def _tag(request: BuildRequest) -> str:
    if request.image is None:
        return ""
    name = ImageName.parse(request.image)
    return str(name.tagged(commands.platform_tag(name.tag, request.platform)))


def _credentials(request: BuildRequest, options: BuilderOptions) -> list[Credentials]:
    """For base images and caches. A stranger's Dockerfile could name any image and read what is in it: it gets none."""
    if not request.trusted:
        return []
    registries = {ImageName.parse(name).registry for name in (*options.cache_from, request.image or "docker.io/any")}
    return [found for registry in sorted(registries) if (found := credentials_for(registry))]


def _environment(
    engine: Engine, options: BuilderOptions, credentials: list[Credentials], context: Context
) -> dict[str, str]:
    """What the command line sees of the deployer: no variable of its own, and no credentials but these."""
    config = context.scratch / "docker"
    write_config(config, credentials)
    for each in credentials:
        context.log.redact(each.password or each.token)
    plugins = docker_directory() / "cli-plugins"
    if plugins.is_dir():
        (config / "cli-plugins").symlink_to(plugins.resolve())
    return {
        **engine.environment,
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(context.scratch),
        "DOCKER_CONFIG": str(config),
        "DOCKER_BUILDKIT": "1" if options.buildkit else "0",
        "BUILDKIT_PROGRESS": "plain",
        # An image with attestations is an index by itself, and another one each time.
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "DOCKER_CLI_HINTS": "false",
    }


async def _rooms(request: BuildRequest, options: BuilderOptions, context: Context) -> Rooms:
    source = context.scratch / "source"
    await request.checkout(source, history=options.include_git)
    directory = _inside(source, options.context, "context")
    dockerfile = _inside(source, options.dockerfile, "dockerfile")
    if not directory.is_dir():
        raise Stalled(f"{options.context!r}, which the option `context` names, is no directory of the commit")
    if not dockerfile.is_file():
        raise Stalled(f"{options.dockerfile!r}, which the option `dockerfile` names, is no file of the commit")
    secrets = _secrets(request, options, context) if request.purpose is Purpose.RELEASE else {}
    return Rooms(context=directory, dockerfile=dockerfile, image_id=context.scratch / "image-id", secrets=secrets)


def _inside(source: Path, name: str, option: str) -> Path:
    """A path of the commit; a link in it must not show the builder a file of this host.

    :raises Stalled: it is not there, or leads out.
    """
    try:
        path = (source / name).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Stalled(f"{name!r}, which the option `{option}` names, is not in the commit") from None
    if not path.is_relative_to(source.resolve()):
        raise Stalled(f"{name!r}, which the option `{option}` names, leads out of the repository")
    return path


def _secrets(request: BuildRequest, options: BuilderOptions, context: Context) -> Mapping[str, Path]:
    directory = context.scratch / "secrets"
    directory.mkdir(mode=0o700)
    paths = {}
    for name in options.secrets:
        value = secret(name)
        if value is None:
            raise Stalled(f"recipe {request.recipe!r} needs the secret {name!r}: put it into {secret_file(name)}")
        for line in (value, *value.splitlines()):
            context.log.redact(line)
        paths[name] = directory / name
        paths[name].touch(mode=0o600)
        paths[name].write_text(value)
    return paths


async def _tell_platform(engine: Engine, platform: str, context: Context) -> None:
    told = await engine.ask("/version") or {}
    own = f"{told.get('Os')}/{told.get('Arch')}"
    context.log.note(f"on {engine.where}: Docker {told.get('Version')}, {own}")
    if not platform.startswith(own):
        context.log.note(f"{platform} is emulated there, which needs QEMU; `engines` names an engine for a platform")


async def _run(engine: Engine, command: list[str], environment: Mapping[str, str], context: Context) -> None:
    """Build.

    :raises Stalled: the commit does not build.
    :raises OperationError: something else went wrong, and may go well next time.
    """
    log = Tail(context.log)
    try:
        await run(command, log=log, leash=context.leash, env=environment, cwd=context.scratch)
    except CommandFailed as error:
        if reason := faults.passing(log.last_line):
            raise OperationError(f"{reason}: {log.last_line[:500]}") from None
        await engine.ask("/info")  # raises if it is gone: then it is not the commit that failed
        raise CommandFailed("docker build", error.status, log.last_line[:500]) from None
