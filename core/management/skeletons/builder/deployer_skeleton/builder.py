"""Builds by a script of the commit, and publishes what it made into a directory."""

from __future__ import annotations

import asyncio
import os
import shutil
from hashlib import sha256
from pathlib import Path
from typing import cast

from pydantic import Field

from core.api import Builder, BuildRequest, CommandFailed, Context, Options, PublishRequest, Stalled, run


class SkeletonOptions(Options):
    """What is built, and where it goes."""

    script: str = Field("build.sh", description="The script of the commit; it writes what it makes into $OUT.")
    directory: Path = Field(description="Where releases are published, each in a directory of its own.")
    allow_untrusted: bool = Field(False, description="Build what strangers wrote, too: it runs on this host.")


class SkeletonBuilder(Builder):
    """Runs a script with an empty environment, and keeps what it wrote as a release."""

    kind = "skeleton"
    Options = SkeletonOptions
    #: Builds that one host has in hand at once.
    capacity = 4

    async def build(self, request: BuildRequest, context: Context) -> str:
        given = cast(SkeletonOptions, request.options)
        if not request.trusted and not given.allow_untrusted:
            raise Stalled("this commit may be a stranger's; the option allow_untrusted has it built all the same")
        source, out = context.scratch / "source", context.scratch / "out"
        await request.checkout(source)
        out.mkdir()
        # Nothing of the deployer's own environment: its secrets are there.
        environment = {**request.args, "OUT": str(out), "PATH": os.environ.get("PATH", "")}
        try:
            await run(["sh", given.script], log=context.log, leash=context.leash, env=environment, cwd=source)
        except CommandFailed as error:
            # What will not pass by itself: it is built again when somebody pushes.
            raise Stalled(str(error)) from None
        return str(await asyncio.to_thread(_keep, out, context.data / "artifacts"))

    async def publish(self, request: PublishRequest, context: Context) -> str:
        given = cast(SkeletonOptions, request.options)
        digest = await asyncio.to_thread(_digest, [Path(each) for _, each in sorted(request.artifacts.items())])
        for platform, artifact in request.artifacts.items():
            target = given.directory / digest.removeprefix("sha256:") / platform.replace("/", "-")
            context.log.note(f"publishing {platform} as {target}")
            await asyncio.to_thread(shutil.copytree, artifact, target, dirs_exist_ok=True)
        return digest


def _keep(out: Path, kept: Path) -> Path:
    """Move what was made to where the publication finds it."""
    target = kept / _digest([out]).removeprefix("sha256:")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(out, target, dirs_exist_ok=True)
    return target


def _digest(directories: list[Path]) -> str:
    """Of the names and contents of all files."""
    made = sha256()
    for directory in directories:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                made.update(f"{path.relative_to(directory)}\0".encode() + sha256(path.read_bytes()).digest())
    return f"sha256:{made.hexdigest()}"
