"""The builder keeps what every builder promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from deployer_skeleton.builder import SkeletonBuilder, SkeletonOptions

from core.api import Builder
from core.testing.conformance.builders import BuilderConformance, Sample


class TestSkeletonBuilder(BuilderConformance):
    @pytest.fixture
    def builder(self) -> Builder:
        return SkeletonBuilder()

    @pytest.fixture
    def good(self, tmp_path: Path) -> Sample:
        return commit(tmp_path, "echo hello > $OUT/greeting")

    @pytest.fixture
    def failing(self, tmp_path: Path) -> Sample:
        return commit(tmp_path, "echo this build fails on purpose; exit 1")

    @pytest.fixture
    def curious(self, tmp_path: Path) -> Sample:
        return commit(tmp_path, "env")

    @pytest.fixture
    def talkative(self, tmp_path: Path) -> Sample:
        return commit(tmp_path, "echo the word is $WORD")

    @pytest.fixture
    def endless(self, tmp_path: Path) -> Sample:
        return commit(tmp_path, f"echo started; exec sleep {nobody_elses(tmp_path)}")

    @pytest.fixture
    def remains(self, tmp_path: Path) -> Callable[[], Awaitable[Sequence[str]]]:
        async def look() -> Sequence[str]:
            found: Sequence[str] = []
            for _ in range(50):
                words = f"sleep\0{nobody_elses(tmp_path)}".encode()
                found = [path.parent.name for path in Path("/proc").glob("[0-9]*/cmdline") if words in read(path)]
                if not found:
                    break
                await asyncio.sleep(0.1)
            return found

        return look


def commit(directory: Path, script: str) -> Sample:
    files = directory / "commit"
    files.mkdir()
    (files / "build.sh").write_text(script + "\n")
    return Sample(files, SkeletonOptions(directory=directory / "published", allow_untrusted=True))


def nobody_elses(directory: Path) -> int:
    """Seconds that no other test on this machine sleeps."""
    return 100_000 + hash(directory) % 100_000


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
