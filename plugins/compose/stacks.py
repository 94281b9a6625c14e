"""A service on AWS ECS, by the ECS integration of Docker's command line.

The integration turns the file into a CloudFormation stack. CloudFormation brings it to the release, or back by itself
when that fails; nothing of it is undone from here. `up` runs attached: only its end tells how the stack ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from typing import Any

from containers.credentials import docker_directory
from core.api import (
    CommandFailed,
    Context,
    DeploymentFailed,
    Health,
    Observation,
    OperationError,
    Release,
    Stalled,
    Waiting,
    ask,
    run,
)
from plugins.compose import templates
from plugins.compose.ecs import EcsService
from plugins.compose.options import ComposeOptions

_CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")
#: What CloudFormation says when the stack is already what it should be.
_UNCHANGED = b"didn't contain changes"
#: Words of `compose ls` for a stack that is being changed.
_BUSY = ("Starting", "Updating", "Removing")


def up(context: str, project: str) -> list[str]:
    """Bring the stack to the file on the standard input.

    `setsid`: when an attached `up` gets SIGTERM, as cancelling would send it, the integration deletes the whole stack.
    In a session of its own it is left to watch to the end.
    """
    return ["setsid", "--wait", "--", *_compose(context, project), "-f", "-", "up"]


def _compose(context: str, project: str) -> list[str]:
    return ["docker", "--context", context, "compose", "-p", project]


async def deploy(host: str, project: str, options: ComposeOptions, release: Release, context: Context) -> None:
    """Bring the stack to a release.

    :raises DeploymentFailed: CloudFormation did not.
    :raises Waiting: the stack is being changed already.
    """
    name = _context_name(host)
    if await _status(name, project) in _BUSY:
        raise Waiting(f"CloudFormation still changes the stack {project}", retry_in=15)
    log = _Listening(context)
    text = templates.fill(options.file_template(project), release.reference)
    try:
        await run(up(name, project), log=log, leash=context.leash, env=_environment(options.env), stdin=text.encode())
    except CommandFailed as error:
        if not log.unchanged:
            raise DeploymentFailed(
                f"{error}; CloudFormation goes back to what ran before by itself, see the stack {project}"
            ) from None
        context.log.note("the stack was so already")
    except asyncio.CancelledError:
        context.log.note("cancelled: CloudFormation goes on by itself, to this release or back to what ran before")
        raise


async def observe(host: str, project: str, service: EcsService) -> Observation:
    """Tell how many tasks run. Which image they run is not told by the integration.

    :raises OperationError: AWS, or Docker's command line, does not answer.
    """
    name = _context_name(host)
    if not await _status(name, project):
        return Observation(digest=None, health=Health.ABSENT, detail=f"there is no stack {project}")
    tasks = _objects(await _ask(name, project, "ps", "--format", "json"))
    running = sum(str(each.get("State", "")).lower() == "running" for each in tasks)
    health = Health.HEALTHY if running >= service.replicas else Health.STARTING if running else Health.UNHEALTHY
    detail = f"{running} of {service.replicas} tasks running; ECS does not tell which image"
    return Observation(digest=None, health=health, detail=detail)


async def _status(context: str, project: str) -> str:
    stacks = _objects(await _ask(context, project, "ls", "--format", "json"))
    return next((str(each.get("Status", "")) for each in stacks if each.get("Name") == project), "")


async def _ask(context: str, project: str, *words: str) -> bytes:
    try:
        return await ask([*_compose(context, project), *words], env=_environment({}))
    except CommandFailed as error:
        raise OperationError(f"AWS ECS by Docker's context {context}: {error}") from None


def _objects(said: bytes) -> list[Mapping[str, Any]]:
    """JSON as compose prints it: one array, or an object a line."""
    text = said.decode(errors="replace").strip()
    try:
        told = json.loads(text or "[]") if text[:1] != "{" else [json.loads(line) for line in text.splitlines()]
    except ValueError:
        raise OperationError(f"docker compose printed what is not JSON: {text[:200]!r}") from None
    return [each for each in told or [] if isinstance(each, dict)]


def _context_name(host: str) -> str:
    if not _CONTEXT.fullmatch(host):
        raise Stalled(
            f"{host!r} is no Docker context: make one with `docker context create ecs NAME`, and set it as `host`"
        )
    return host


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Besides the usual, what tells AWS who we are."""
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    kept = {name: os.environ.get(name, "") for name in ("PATH", "HOME")}
    return {**variables, **aws, **kept, "DOCKER_CONFIG": str(docker_directory()), "LC_ALL": "C.UTF-8"}


class _Listening:
    """A log that hears whether the stack was so already."""

    def __init__(self, context: Context) -> None:
        self._log = context.log
        self._tail = b""
        self.unchanged = False

    def write(self, data: bytes) -> None:
        self._tail = (self._tail + data)[-1000 - len(data) :]
        self.unchanged |= _UNCHANGED in self._tail
        self._log.write(data)

    def note(self, text: str) -> None:
        self._log.note(text)

    def redact(self, secret: str) -> None:
        self._log.redact(secret)
