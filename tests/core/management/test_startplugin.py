"""`startplugin`: what it writes installs, is found, and keeps what plugins of its kind promise, before a line is edited."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from core.management import skeleton
from tests.e2e.harness import ROOT

KINDS = skeleton.kinds()


def written(directory: Path, name: str, kind: str) -> Path:
    place = directory / f"package-{name}"
    call_command("startplugin", name, kind=kind, directory=place, stdout=io.StringIO())
    return place


def installed(site: Path, *packages: Path) -> dict[str, str]:
    """Install packages where nothing else is; the environment in which they are found."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(site), *map(str, packages)], check=True, capture_output=True, timeout=120)
    return {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "DEPLOYER_DATA_DIR": str(site / "data")}


def test_there_is_a_skeleton_of_each_kind_of_work() -> None:
    assert set(KINDS) == {"builder", "deployer", "gate", "notifier", "source"}


def test_each_kind_installs_is_found_and_passes_its_tests(tmp_path: Path) -> None:
    packages = [written(tmp_path, f"my_{kind}", kind) for kind in KINDS]
    environment = installed(tmp_path / "site", *packages)
    command = [sys.executable, "manage.py", "plugins", "--json"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    found = {each["name"]: each for each in json.loads(done.stdout)["plugins"]}
    for kind in KINDS:
        told = found[f"my_{kind}"]
        assert (told["state"], told["distribution"]) == ("ok", f"deployer-my-{kind}"), told
        assert told["offers"] == {f"{kind}s": [f"my_{kind}"]}
    tests = [str(place / "tests") for place in packages]
    options = ["-o", "asyncio_mode=auto", "-p", "no:cacheprovider", "-p", "no:django", "--import-mode=importlib"]
    command = [sys.executable, "-m", "pytest", "-q", *options, *tests]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout


def test_their_types_are_as_strict_as_ours(tmp_path: Path) -> None:
    packages = [written(tmp_path, f"my_{kind}", kind) for kind in KINDS]
    tools = [tomllib.loads((place / "pyproject.toml").read_text())["tool"] for place in packages]
    assert all(each["mypy"]["strict"] and each["mypy"] == tools[0]["mypy"] for each in tools)
    # All in one run with the settings that each has: most of it is reading the deployer, which is not what is checked.
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file",
        str(packages[0] / "pyproject.toml"),
        "--follow-imports=silent",
    ]
    names = [each for kind in KINDS for each in ("-p", f"deployer_my_{kind}")]
    paths = os.pathsep.join([str(ROOT), *map(str, packages)])
    environment = {**os.environ, "MYPYPATH": paths}
    done = subprocess.run(
        [*command, *names], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize("kind", KINDS)
def test_no_word_of_the_skeleton_is_left(kind: str, tmp_path: Path) -> None:
    for path in written(tmp_path, "hello_world", kind).rglob("*"):
        assert "skeleton" not in path.name
        assert not path.is_file() or "keleton" not in path.read_text()


@pytest.mark.parametrize("name", ["", "h", "Hello", "hello-world", "1hello", "class", "../hello", "h" * 31, "héllo"])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no plugin's name"):
        written(tmp_path, name, "notifier")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["git", "docker", "slack"])
def test_a_name_that_is_taken_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="already"):
        written(tmp_path, name, "notifier")


def test_nothing_is_written_over(tmp_path: Path) -> None:
    place = written(tmp_path, "hello", "notifier")
    (place / "README.md").write_text("mine")
    with pytest.raises(CommandError, match="exists already"):
        written(tmp_path, "hello", "deployer")
    assert (place / "README.md").read_text() == "mine"
