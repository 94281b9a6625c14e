"""Trying a release before anything is switched to it: on a free port, beside what runs."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Mapping
from typing import Any

from core.api import CommandFailed, Context, OperationError, run
from plugins.host import health, processes
from plugins.host.commands import found_in
from plugins.host.health import Answer
from plugins.host.releases import HostRelease, ServiceDirectory

#: What is on every process of a trial, so that it is found again after a crash.
MARK = "DEPLOYER_TRIAL"


async def sweep(place: ServiceDirectory) -> None:
    """End what a trial left behind when its runner was killed.

    :raises OperationError: it cannot be ended.
    """
    mark = str(place.path)
    if not await asyncio.to_thread(processes.end, lambda: processes.marked(MARK, mark)):
        raise OperationError(f"processes of an earlier trial in {place.path} cannot be ended")


async def attempt(place: ServiceDirectory, release: HostRelease, spec: Mapping[str, Any], context: Context) -> Answer:
    """Start a release, ask for its health until it is well or the time is over, and end it again.

    :param spec: how it is run with a port of its own.
    """
    context.log.note(f"trial on port {spec['port']}")
    candidate = asyncio.create_task(_candidate(place, release, spec, context))
    question = asyncio.create_task(health.wait(lambda: health.ask(spec["health"]), spec["health_timeout"]))
    try:
        await asyncio.wait({candidate, question}, return_when=asyncio.FIRST_COMPLETED)
        if candidate.done():
            return Answer(healthy=False, detail=candidate.result())
        return question.result()
    finally:
        for task in (candidate, question):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(candidate, question, return_exceptions=True)
        await sweep(place)


async def _candidate(place: ServiceDirectory, release: HostRelease, spec: Mapping[str, Any], context: Context) -> str:
    """Run until it ends by itself, and say how."""
    command = found_in(release.path, spec["command"])
    env = {**spec["env"], MARK: str(place.path)}
    try:
        await run(
            command, log=context.log, leash=context.leash, cwd=release.path, env=env, echo=shlex.join(spec["command"])
        )
    except CommandFailed as error:
        return f"ended with status {error.status} before it was healthy"
    return "ended before it was healthy"
