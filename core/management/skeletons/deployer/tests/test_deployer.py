"""The deployer keeps what every deployer promises, with a small program in the place of yours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from deployer_skeleton.deployer import SkeletonDeployer, SkeletonOptions

from core.api import Deployer, Release, ServicePlace
from core.testing.conformance.deployers import DeployerConformance

#: Runs a "service" that is a file: `tool.py move FILE IMAGE@DIGEST`, `tool.py tell FILE`.
TOOL = """
import json, pathlib, sys
verb, file, *image = sys.argv[1:]
path = pathlib.Path(file)
if verb == "tell":
    print(json.dumps({"digest": path.read_text(), "healthy": True} if path.exists() else {}))
elif "broken" in image[0]:
    sys.exit("it does not start")
else:
    path.with_suffix(".new").write_text(image[0].partition("@")[2])
    path.with_suffix(".new").replace(path)
"""


def release(word: str, digit: str) -> Release:
    return Release(image=f"registry.example/{word}", digest=f"sha256:{digit * 64}")


class TestSkeletonDeployer(DeployerConformance):
    @pytest.fixture
    def deployer(self) -> Deployer:
        return SkeletonDeployer()

    @pytest.fixture
    def service(self, tmp_path: Path) -> ServicePlace:
        tool, file = tmp_path / "tool.py", str(tmp_path / "{service}")
        tool.write_text(TOOL)
        begin = (sys.executable, str(tool))
        options = SkeletonOptions(move=(*begin, "move", file, "{image}"), tell=(*begin, "tell", file))
        return ServicePlace(name="shop", options=options)

    @pytest.fixture
    def releases(self, tmp_path: Path) -> tuple[Release, Release]:
        return release("shop", "1"), release("shop", "2")

    @pytest.fixture
    def broken(self, tmp_path: Path) -> Release:
        return release("broken", "3")
