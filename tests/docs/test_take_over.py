"""A swarm with a running service is taken over word for word: nothing is restarted, and then a push goes live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from core.testing.git_server import GitServer, WorkTree
from tests.docker_real import BASE, HEALTH, RealEngine, RealRegistry, cli_program, engine, plain_registry, unique
from tests.docs import commands
from tests.docs.commands import Terminal
from tests.e2e.harness import ROOT, free_port
from tests.images import build

__all__ = ["engine", "plain_registry"]

PAGE = ROOT / "docs" / "how-to" / "take-over-a-swarm.md"
NAME, SETUP, TASKS, DECLARE, PLAN, TAKE, BUILT, PUSH, KEEP, AGAIN, BACK = commands.blocks(PAGE)
DOCKERFILE = f"""FROM {BASE}
COPY index.html /www/index.html
RUN echo fine > /www/health
{HEALTH}
CMD ["sh", "-c", "exec busybox httpd -f -p 80 -h /www"]
"""


@dataclass
class Reader:
    """Somebody with a swarm, a registry, a repository, and a service that a script has moved until now."""

    directory: Path
    engine: RealEngine
    service: str
    image: str
    repository: str
    port: int

    def named(self, block: str) -> str:
        """The block in which a reader names what is theirs."""
        for variable, value in {
            "SWARM": self.engine.url,
            "SERVICE": self.service,
            "IMAGE": self.image,
            "REPOSITORY": self.repository,
        }.items():
            block, times = re.subn(rf"(?m)^export {variable}=\S+", f"export {variable}={value}", block)
            assert times == 1
        return block

    def answer(self) -> str:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/", timeout=5).text.strip()
        except requests.RequestException:
            return ""

    def environment(self) -> dict[str, str]:
        """What a reader's machine has: a name for Git, and an engine to build on."""
        person = {"NAME": "Ann", "EMAIL": "ann@example.org"}
        git = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER") for what, text in person.items()}
        return {
            **git,
            "DOCKER_HOST": self.engine.url,
            "PATH": f"{Path(cli_program()).parent}:/usr/local/bin:/usr/bin:/bin",
        }


@pytest.fixture
def reader(tmp_path: Path, engine: RealEngine, plain_registry: RealRegistry) -> Iterator[Reader]:
    with GitServer(tmp_path / "git") as server:
        server.create("acme/web")
        work = WorkTree(tmp_path / "work", server.url("acme/web"))
        work.write("index.html", "Moved by a script\n")
        work.write("Dockerfile", DOCKERFILE)
        work.commit("Say how it is deployed")
        work.push("main:live")
        image, service, port = f"{plain_registry.name}/acme/web", unique("shop"), free_port()
        # As the script has done it until now.
        build(engine, ["build", "--quiet", "--tag", f"{image}:live", str(tmp_path / "work")])
        engine.cli("push", "--quiet", f"{image}:live")
        engine.cli(
            "service", "create", "--quiet", "--name", service, "--endpoint-mode", "dnsrr", "--update-monitor", "1s",
            "--publish", f"mode=host,published={port},target=80", "--stop-grace-period", "1s", f"{image}:live",
        )  # fmt: skip
        try:
            yield Reader(tmp_path, engine, service, image, server.url("acme/web"), port)
        finally:
            engine.cli("service", "rm", service, check=False)


# A dozen processes, of which each loads everything: where a machine is busy with other things that takes long.
@pytest.mark.timeout(900)
def test_it_works_word_for_word(reader: Reader) -> None:
    place = commands.checkout(reader.directory, pip=True)
    first = Terminal(place, reader.directory / "first", **reader.environment())
    first.run(reader.named(NAME))
    first.run(SETUP)
    tasks = first.run(TASKS)
    assert "@sha256:" in tasks, "what step 3 has it compared with"
    assert reader.service in first.run(DECLARE)
    assert "deploy" in first.run(PLAN)
    taken = first.run(TAKE)
    assert "All is well" in taken
    assert tasks in taken, "the same tasks: nothing was restarted"
    assert re.search(rf"{reader.service}\S*\s+done\b", taken)
    assert reader.answer() == "Moved by a script"
    assert "release build" in first.run(BUILT)
    assert "All is well" in first.run(PUSH)
    assert reader.answer() == "Deployed by a push"

    port = str(free_port())
    keep = KEEP.replace("--flavour mine", f"--flavour mine --port {port}")
    second = Terminal(place, reader.directory / "second", **reader.environment())
    second.run(reader.named(NAME))
    second.run(SETUP)
    running = first.stay(keep, reader.directory / "said")
    try:
        running.until(lambda: _answers(port))
        second.run(AGAIN.replace("8000", port))
        running.until(lambda: reader.answer() == "Deployed by another push")
        running.until(lambda: "✓" in running.said)
        second.run(BACK)
        running.until(lambda: reader.answer() == "Deployed by a push")
    finally:
        running.interrupt()


def _answers(port: str) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).ok
    except requests.RequestException:
        return False
