"""Builds with a command on this host, in a sandbox where there is one."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shlex
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from core.api import (
    Builder,
    BuildRequest,
    CommandFailed,
    Context,
    Freed,
    OperationError,
    PublishRequest,
    Purpose,
    Stalled,
    TidyRequest,
    run,
    to_the_end,
)
from plugins.host import processes, sandbox
from plugins.host.artifacts import HERE, ArtifactStore
from plugins.host.commands import (
    HOME,
    TMP,
    Host,
    Rooms,
    build_environment,
    found_in,
    limited,
    sandboxed,
    search_path,
)
from plugins.host.options import BuilderOptions
from plugins.host.waiting import in_thread

#: What is on every process of a build outside the sandbox: what leaves its group is found by it, and ended with it.
MARK = "DEPLOYER_BUILD"
#: Bytes of free disk below which a build that failed did so for want of them: what it had begun to write may be gone again.
_ROOM = 1 << 20


class HostBuilder(Builder):
    """Runs the command in a clean checkout; a directory of it becomes the artifact, which is named by its digest.

    In the sandbox the command sees the system's programs, reads and writes its checkout, its home directory and /tmp,
    and nothing else of this host: no other files, no processes, no network unless asked for. Without a sandbox it can
    read whatever the deployer's own user can: for trusted refs only.
    """

    kind = "host"
    Options = BuilderOptions
    capacity = max(2, os.cpu_count() or 2)

    def __init__(self) -> None:
        self._probe = sandbox.Probe()

    def unsupported(self, platforms: Sequence[str]) -> Sequence[str]:
        return [platform for platform in platforms if platform != HERE]

    async def build(self, request: BuildRequest, context: Context) -> str:
        options = cast(BuilderOptions, request.options)
        _refuse_strangers(request, options)
        _check_arguments(request.args)
        rooms = Rooms(context.scratch)
        rooms.home.mkdir()
        rooms.tmp.mkdir()
        await request.checkout(rooms.source)
        host = await self._sandbox(request, options, rooms, context)
        await _run(request, options, rooms, host, context)
        output = _output(rooms.source, options.output)
        store = ArtifactStore(context.data)
        keep = store.store if request.purpose is Purpose.RELEASE else store.digest_of
        digest = await in_thread(lambda stop: keep(output, stop))
        context.log.note(f"artifact {digest}" + ("" if keep == store.store else ", not kept: it is a check"))
        return digest

    async def publish(self, request: PublishRequest, context: Context) -> str:
        store = ArtifactStore(context.data)
        digest = await in_thread(lambda _: store.publish(request.image, request.artifacts))
        context.log.note(f"{request.image} is {digest}")
        return digest

    async def tidy(self, request: TidyRequest, context: Context) -> Freed:
        store = ArtifactStore(context.data)
        gone = [(release.image, release.digest) for release in request.gone]
        count, size = await in_thread(lambda stop: store.forget(gone, {each.digest for each in request.kept}, stop))
        return Freed(count=count, bytes=size)

    async def _sandbox(
        self, request: BuildRequest, options: BuilderOptions, rooms: Rooms, context: Context
    ) -> Host | None:
        """What the sandbox will show; None to go without one.

        :raises Stalled: it has to be in a sandbox, and there is none.
        """
        if options.sandbox == "off":
            context.log.note("without a sandbox, as the option `sandbox` says")
            return None
        try:
            host = sandbox.host([*options.tools, *sandbox.own_tools()], (context.data, context.scratch))
            fault = await self._probe.fault(host, rooms)
        except Stalled as error:
            fault = str(error)
        if not fault:
            network = "with" if options.network else "without"
            context.log.note(f"in a sandbox, {network} network")
            return host
        if options.sandbox == "required":
            raise Stalled(f"the option `sandbox` is `required`, but {fault}")
        if not request.trusted:
            raise Stalled(f"strangers may have written this commit, so it is only built in a sandbox, but {fault}")
        context.log.note(f"without a sandbox: {fault}")
        return None


def _refuse_strangers(request: BuildRequest, options: BuilderOptions) -> None:
    if not request.trusted and not options.allow_untrusted:
        raise Stalled(
            "strangers may have written this commit, and it would be built on the deployer's own host: "
            f"to allow that, set `allow_untrusted` in the options of recipe {request.recipe!r}"
        )


def _check_arguments(args: Mapping[str, str]) -> None:
    for name, value in args.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) or "\0" in value:
            raise Stalled(f"the build argument {name!r} cannot be an environment variable: give it another name")


async def _run(
    request: BuildRequest, options: BuilderOptions, rooms: Rooms, host: Host | None, context: Context
) -> None:
    path = search_path([*options.tools, *sandbox.own_tools()])
    mark = secrets.token_hex(8)
    if host:
        inner = build_environment(request, options, path=path, home=HOME, tmp=TMP)
        limit = limited(options.command, options.memory)
        command = sandboxed(limit, host=host, rooms=rooms, env=inner, network=options.network)
        env = sandbox.OUTER_ENVIRONMENT
    else:
        command = limited(found_in(rooms.source, options.command), options.memory)
        env = build_environment(request, options, path=path, home=str(rooms.home), tmp=str(rooms.tmp))
    echo = shlex.join(options.command)
    try:
        marked = {**env, MARK: mark}
        await run(command, log=context.log, leash=context.leash, cwd=rooms.source, env=marked, echo=echo)
    except CommandFailed as error:
        if shutil.disk_usage(rooms.source).free < _ROOM:
            raise OperationError("the disk that builds are done on is full on this host: make room there") from None
        raise CommandFailed(textwrap.shorten(echo, 80, placeholder=" …"), error.status) from None
    finally:
        await to_the_end(asyncio.to_thread(processes.end, lambda: processes.marked(MARK, mark)))


def _output(source: Path, output: str) -> Path:
    """The directory that becomes the artifact, after the build had its say about links.

    :raises Stalled: it is not there, or is outside the checkout.
    """
    try:
        path = (source / output).resolve(strict=True)
    except (OSError, RuntimeError):
        raise Stalled(f"the build left no directory {output!r}, which the option `output` names") from None
    if not path.is_relative_to(source.resolve()):
        raise Stalled(f"{output!r}, which the option `output` names, leads out of the checkout")
    if not path.is_dir():
        raise Stalled(f"{output!r}, which the option `output` names, is no directory")
    return path
