"""The builder keeps what every builder promises, on a real engine with a real registry."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from core.api import Builder, Commit
from core.testing.conformance.builders import BuilderConformance, Sample
from plugins.docker_engine.builder import DockerBuilder
from plugins.docker_engine.options import BuilderOptions
from tests.docker_real import BASE, RealEngine, RealRegistry, unique

COMMIT = Commit(hash="0123456789abcdef0123456789abcdef01234567", message="A sample")


def commit(directory: Path, dockerfile: str, **files: str) -> Path:
    """The files of a commit."""
    path = directory / unique("commit")
    path.mkdir()
    (path / "Dockerfile").write_text(dockerfile)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


@pytest.fixture(params=["buildkit", "classic"])
def buildkit(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "buildkit")


class TestDockerBuilder(BuilderConformance):
    @pytest.fixture(autouse=True)
    def _names(self, plain_registry: RealRegistry) -> None:
        self.image = f"{plain_registry.name}/{unique('sample')}:live"

    @pytest.fixture
    def builder(self) -> Builder:
        return DockerBuilder()

    @pytest.fixture
    def options(self, engine: RealEngine, buildkit: bool) -> BuilderOptions:
        return BuilderOptions(engine=engine.url, buildkit=buildkit)

    @pytest.fixture
    def good(self, tmp_path: Path, options: BuilderOptions) -> Sample:
        return Sample(commit(tmp_path, f"FROM {BASE}\nRUN echo hello > /www/index.html\n"), options)

    @pytest.fixture
    def failing(self, tmp_path: Path, options: BuilderOptions) -> Sample:
        words = f"FROM {BASE}\nARG NOT_CACHED={unique('x')}\nRUN echo this build fails on purpose; false\n"
        return Sample(commit(tmp_path, words), options)

    @pytest.fixture
    def curious(self, tmp_path: Path, options: BuilderOptions) -> Sample:
        return Sample(
            commit(tmp_path, f"FROM {BASE}\nARG NOT_CACHED={unique('x')}\nRUN env; ls -R /run || true\n"), options
        )

    @pytest.fixture
    def talkative(self, tmp_path: Path, options: BuilderOptions) -> Sample:
        return Sample(commit(tmp_path, f"FROM {BASE}\nARG WORD\nRUN echo the word is $WORD\n"), options)

    @pytest.fixture
    def seconds(self) -> str:
        """A time to sleep that no other process on this machine sleeps: other tests run beside this one."""
        return f"31536.{random.randrange(10**9):09}"

    @pytest.fixture
    def endless(self, tmp_path: Path, options: BuilderOptions, seconds: str) -> Sample:
        # The word that is looked for stands on a line of its own only where the command prints it.
        words = f"FROM {BASE}\nARG NOT_CACHED={unique('x')}\nRUN echo start''ed; sleep {seconds}\n"
        return Sample(commit(tmp_path, words), options)

    @pytest.fixture
    def remains(self, engine: RealEngine, seconds: str) -> Callable[[], Awaitable[Sequence[str]]]:
        async def look() -> Sequence[str]:
            found: Sequence[str] = []
            for _ in range(100):
                found = [
                    path.name
                    for path in Path("/proc").glob("[0-9]*")
                    if f"sleep\0{seconds}".encode() in _read(path / "cmdline") and path.name.isdigit()
                ]
                if not found:
                    break
                await asyncio.sleep(0.1)
            return found

        return look


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
