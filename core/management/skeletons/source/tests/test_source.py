"""The source keeps what every source promises."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from deployer_skeleton.source import SkeletonOptions, SkeletonSource

from core.api import RepositoryPlace, Source
from core.testing.conformance.sources import SourceConformance
from core.testing.git_server import WorkTree


class TestSkeletonSource(SourceConformance):
    @pytest.fixture
    def source(self) -> Source:
        return SkeletonSource()

    @pytest.fixture
    def place(self, tmp_path: Path) -> RepositoryPlace:
        path = tmp_path / "shop.git"
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(path)], check=True)
        return RepositoryPlace(name="acme/shop", options=SkeletonOptions(path=path))

    @pytest.fixture
    def work(self, place: RepositoryPlace, tmp_path: Path) -> WorkTree:
        assert isinstance(place.options, SkeletonOptions)
        return WorkTree(tmp_path / "work", str(place.options.path))

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> RepositoryPlace:
        return RepositoryPlace(name="acme/none", options=SkeletonOptions(path=tmp_path / "none"))
