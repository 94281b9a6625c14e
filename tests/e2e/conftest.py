"""Fixtures for tests of the real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.testing.git_server import GitServer
from tests.e2e import migrated
from tests.e2e.harness import Pipeline


@pytest.fixture
def make_pipeline(tmp_path: Path) -> Iterator[Callable[[str], Pipeline]]:
    """Make a pipeline from a flavour file's text, whose database has its tables; it is killed when the test ends."""
    made: list[Pipeline] = []
    with GitServer(tmp_path / "git") as server:

        def make(declaration: str) -> Pipeline:
            made.append(Pipeline(tmp_path, server, declaration))
            migrated.into(made[-1].data)
            return made[-1]

        try:
            yield make
        finally:
            for pipeline in made:
                pipeline.kill()
