"""Docker side by side with its own command line doing the same: build, publish, move, 20 services at once, an idle minute."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.timing import tell
from core.api import BuildRequest, Commit, DeployRequest, PublishRequest, Purpose, Release, ServicePlace
from core.testing.checkouts import DirectoryCheckout
from core.testing.contexts import attempt_context
from plugins.docker_engine.builder import DockerBuilder
from plugins.docker_engine.options import BuilderOptions
from plugins.docker_swarm.deployer import DockerSwarmDeployer
from plugins.docker_swarm.options import DeployerOptions
from tests.docker_real import (
    BASE,
    RealEngine,
    RealRegistry,
    cli_program,
    push_image,
    registry,
    shared_engine,
    unique,
    web_dockerfile,
)

ROUNDS = 5
SERVICES = 20
_COMMIT = Commit(hash="0123456789abcdef0123456789abcdef01234567", message="A sample")
_STAGES = f"""FROM {BASE} AS one
ARG ROUND
COPY . /src
RUN echo one $ROUND > /src/one
FROM {BASE} AS two
COPY --from=one /src/one /src/
RUN cat /src/one > /src/two
FROM {BASE}
COPY --from=two /src/two /www/
RUN echo three > /www/three
"""
_UPDATE = ("--update-order", "start-first", "--update-monitor", "1s", "--stop-grace-period", "1s")


def main() -> None:
    with tempfile.TemporaryDirectory() as name, shared_engine() as engine, registry(Path(name) / "registry") as place:
        bench = Bench(Path(name), engine, place)
        asyncio.run(bench.builds())
        asyncio.run(bench.publications())
        asyncio.run(bench.moves())
        asyncio.run(bench.many_moves())


class Bench:
    """One engine and one registry, and both ways of using them."""

    def __init__(self, directory: Path, engine: RealEngine, place: RealRegistry) -> None:
        self.directory = directory
        self.engine = engine
        self.image = f"{place.name}/{unique('bench')}"
        self.builder = DockerBuilder()
        self.deployer = DockerSwarmDeployer()
        self.files = directory / "commit"
        self.files.mkdir()
        (self.files / "Dockerfile").write_text(_STAGES)
        for number in range(200):
            (self.files / f"file{number}").write_text("x" * 500)

    # Building

    async def builds(self) -> None:
        for kind, word in (("cold", lambda: unique("round")), ("warm", lambda: "always the same")):
            ours, theirs = await _in_turn(
                lambda word=word: self.build(word()), lambda word=word: self.build_by_hand(word())
            )
            tell(f"build of 3 stages, {kind}: docker build", theirs)
            tell(f"build of 3 stages, {kind}: ours, with its checkout", ours, theirs, "docker build")

    async def build(self, word: str) -> str:
        request = BuildRequest(
            repository="bench/web", recipe="web", platform="linux/amd64", commit=_COMMIT, purpose=Purpose.RELEASE, trusted=True,
            options=BuilderOptions(engine=self.engine.url), args={"ROUND": word}, image=f"{self.image}:live",
            checkout=DirectoryCheckout(self.files),
        )  # fmt: skip
        return await self.builder.build(request, attempt_context(self.directory))

    async def build_by_hand(self, word: str) -> None:
        tag = f"{self.image}:by-hand"
        await self.cli("build", "--progress", "plain", "--build-arg", f"ROUND={word}", "--tag", tag, str(self.files))

    # Publishing

    async def publications(self) -> None:
        artifact = await self.build(unique("published"))

        async def ours() -> None:
            request = PublishRequest(
                repository="bench/web", recipe="web", commit=_COMMIT, image=f"{self.image}:live", options=BuilderOptions(),
                artifacts={"linux/amd64": artifact},
            )  # fmt: skip
            await self.builder.publish(request, attempt_context(self.directory))

        async def theirs() -> None:
            live, platform = f"{self.image}:hand", f"{self.image}:hand-amd64"
            await self.cli("tag", artifact.partition("@")[0], platform)
            await self.cli("push", "--quiet", platform)
            await self.cli("manifest", "create", "--insecure", live, platform)
            await self.cli("manifest", "push", "--insecure", "--purge", live)

        mine, hand = await _in_turn(ours, theirs)
        tell("publish: docker tag, push, manifest create, manifest push", hand)
        tell("publish: ours", mine, hand, "the command line")

    # Moving

    async def moves(self) -> None:
        releases = [self.release(word) for word in ("one", "two")]
        name = await self.service()
        number = iter(range(10_000))

        async def ours() -> None:
            await self.move(name, releases[next(number) % 2])

        async def theirs() -> None:
            await self.cli("service", "update", "--quiet", "--image", releases[next(number) % 2].reference, name)

        try:
            await ours()
            mine, hand = await _in_turn(ours, theirs)
        finally:
            await self.cli("service", "rm", name)
        tell("move to convergence: docker service update", hand)
        tell("move to convergence: ours", mine, hand, "the command line")

    async def many_moves(self) -> None:
        one, two, three = (self.release(word) for word in ("many-one", "many-two", "many-three"))
        names = [await self.service() for _ in range(SERVICES)]
        try:
            await asyncio.gather(*(self.move(name, one) for name in names))
            await asyncio.sleep(10)
            hand = await _took(lambda: asyncio.gather(
                *(self.cli("service", "update", "--quiet", "--image", two.reference, name) for name in names)
            ))  # fmt: skip
            # What the command line left behind is still being stopped.
            await asyncio.sleep(10)
            cpu = time.process_time()
            mine = await _took(lambda: asyncio.gather(*(self.move(name, three) for name in names)))
            cpu = time.process_time() - cpu
            tell(f"{SERVICES} services at once: {SERVICES} × docker service update", hand)
            tell(f"{SERVICES} services at once: ours", mine, hand, "the command line")
            tell(f"{SERVICES} services at once: the deployer's own processor time", cpu, mine, "the time it took")
            cpu = time.process_time()
            await asyncio.gather(*(self.deployer.observe(self.place(name), self.directory) for name in names))
            tell(f"an idle minute: processor time of looking at {SERVICES} services once", time.process_time() - cpu)
        finally:
            await self.cli("service", "rm", *names)

    def release(self, word: str) -> Release:
        return Release(
            image=f"{self.image}:live", digest=push_image(self.engine, f"{self.image}:{word}", web_dockerfile(word))
        )

    async def service(self) -> str:
        name = unique("bench")
        await self.cli("service", "create", "--detach", "--quiet", "--name", name, *_UPDATE, BASE)
        return name

    async def move(self, name: str, release: Release) -> None:
        request = DeployRequest(service=self.place(name), release=release)
        await self.deployer.deploy(request, attempt_context(self.directory))

    def place(self, name: str) -> ServicePlace:
        return ServicePlace(name=name, host=self.engine.url, options=DeployerOptions())

    async def cli(self, *words: str) -> None:
        environment = {
            **os.environ,
            "DOCKER_HOST": self.engine.url,
            "DOCKER_BUILDKIT": "1",
            "DOCKER_CLI_EXPERIMENTAL": "enabled",
        }
        process = await asyncio.create_subprocess_exec(
            cli_program(), *words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == 0, f"{words}: {said.decode()}"


async def _in_turn(ours: Callable[[], Awaitable[Any]], theirs: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """Medians of both, done in turn, so that whatever the machine does meets both."""
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for times, work in zip(taken, (ours, theirs), strict=True):
            times.append(await _took(work))
    return statistics.median(taken[0]), statistics.median(taken[1])


async def _took(work: Callable[[], Awaitable[Any]]) -> float:
    start = time.perf_counter()
    await work()
    return time.perf_counter() - start
