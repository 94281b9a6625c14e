"""A builder, a deployer and a notifier whose other end is `tests.chaos.outside`. They do as a careful plugin does."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from core import api
from core.api import (
    Builder,
    BuildRequest,
    Context,
    Deployer,
    DeployRequest,
    Health,
    News,
    Notifier,
    Observation,
    OperationError,
    PublishRequest,
    ServicePlace,
)

#: Lines that a build prints, and seconds that builds take, one after the other.
LINES, WORK = 20, (0.1, 0.2, 0.3, 0.1, 3.5)


def digest_of(image: str, commit: str) -> str:
    """What a commit is published as: the same each time."""
    return "sha256:" + sha256(f"{image} {commit}".encode()).hexdigest()


async def _ask(method: str, path: str, **facts: Any) -> httpx.Response:
    # Long enough for a move; whoever is cut off hears nothing.
    try:
        async with httpx.AsyncClient(base_url=os.environ["CHAOS_OUTSIDE"], timeout=5) as client:
            return await client.request(method, path, json=facts or None)
    except httpx.HTTPError as error:
        raise OperationError(f"the outside does not answer: {type(error).__name__}") from None


class ChaosOptions(api.Options):
    """None are needed."""


class ChaosBuilder(Builder):
    """Checks a commit out, and works on it elsewhere for a while."""

    kind = "chaos"
    Options = ChaosOptions

    async def build(self, request: BuildRequest, context: Context) -> str:
        mark = secrets.token_hex(8)
        await request.checkout(context.scratch / "source")
        version = (context.scratch / "source" / "version").read_text().strip()
        for number in range(LINES):
            context.log.write(f"line {number} of {mark} {'x' * 50} end\n".encode())
        await _ask("POST", "/work", seconds=WORK[int(version) % len(WORK)], commit=request.commit.hash)
        return f"{request.commit.hash} {version}"

    async def publish(self, request: PublishRequest, context: Context) -> str:
        await _ask("POST", "/work", seconds=0.1, commit=request.commit.hash)
        return digest_of(request.image, request.commit.hash)


class ChaosDeployer(Deployer):
    """Moves a service if nobody else has moved it since it was looked at, as Docker's API allows no other way."""

    kind = "chaos"
    Options = ChaosOptions

    async def observe(self, service: ServicePlace, data: Path) -> Observation:
        state = (await _ask("GET", f"/service/{service.name}")).json()
        health = Health.HEALTHY if state["digest"] else Health.ABSENT
        return Observation(digest=state["digest"], health=health)

    async def deploy(self, request: DeployRequest, context: Context) -> None:
        name, digest = request.service.name, request.release.digest
        who = {"runner": socket.gethostname(), "process": os.getpid(), "attempt": secrets.token_hex(8)}
        try:
            await _ask("POST", "/begin", service=name, digest=digest, **who)
            await self._move(name, digest, context, who)
        finally:
            # Nobody waits for it: whoever is killed does not say it either.
            await asyncio.shield(_say_end(name, who))

    async def _move(self, name: str, digest: str, context: Context, who: Mapping[str, Any]) -> None:
        state = (await _ask("GET", f"/service/{name}")).json()
        while state["moving"]:
            await asyncio.sleep(0.1)
            state = (await _ask("GET", f"/service/{name}")).json()
        if state["digest"] == digest:
            context.log.note("nothing to change")
            return
        context.log.note(f"moving {name} to {digest}")
        answer = await _ask("POST", f"/move/{name}", digest=digest, version=state["version"], **who)
        if answer.status_code != 200:
            raise OperationError("somebody else moved it meanwhile")


async def _say_end(name: str, who: Mapping[str, Any]) -> None:
    try:
        await _ask("POST", "/end", service=name, **who)
    except OperationError:
        return


class ChaosNotifier(Notifier):
    """Tells whoever keeps the journal."""

    kind = "chaos"
    Options = ChaosOptions

    async def notify(self, news: News, options: api.Options, memory: Mapping[str, str]) -> Mapping[str, str] | None:
        said = int(memory.get("said", 0)) + 1
        answer = await _ask("POST", "/tell", key=news.key, state=news.state, said=said)
        answer.raise_for_status()
        return {"said": str(said)}
