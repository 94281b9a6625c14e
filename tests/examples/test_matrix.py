"""`examples/deployer-matrix`: a stranger's notifier, installed beside the deployer, tells a real room of real deployments."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import pytest

from core.management.commands.run_pipeline import FAILED
from core.testing.git_server import GitServer, WorkTree
from tests.e2e.harness import ROOT
from tests.examples import installing, synapse
from tests.examples.installing import Installed

PACKAGE = ROOT / "examples" / "deployer-matrix"
HOMESERVER = installing.module(PACKAGE / "tests" / "homeserver.py")
HOSTILE = "Second <img src=x onerror=alert(1)> @room & `$(id)`"
FLAVOUR = """
import platform
from core.api import Flavour, Recipe, Repository, Service, Target, Use

here = "linux/arm64" if platform.machine() in ("aarch64", "arm64") else "linux/amd64"
service = Service("hello", Use("host"), before=[Use("command", command=["test", "!", "-e", "{broken}"])])
recipe = Recipe("web", Use("host", command=["true"]), platforms=[here], targets=[Target("live", "hello:live", [service])])
flavour = Flavour(
    "acme",
    [Repository("acme/hello", Use("git", url="{git}"), [recipe])],
    notifiers=[Use("matrix", homeserver="{homeserver}", room="{room}")],
)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installing.once(PACKAGE.name, tmp_path_factory)


@pytest.fixture
def homeserver(tmp_path: Path) -> Iterator[Any]:
    """A homeserver, started as the package's own tests do it."""
    directory = tmp_path / "synapse"
    directory.mkdir()
    with HOMESERVER.homeserver(directory, synapse.python()) as server:
        yield server


@pytest.fixture
def git(tmp_path: Path) -> Iterator[GitServer]:
    with GitServer(tmp_path / "git") as server:
        server.create("acme/hello")
        yield server


def test_it_keeps_what_notifiers_promise_and_what_it_promises_itself(installed: Installed) -> None:
    said = installed.passes_its_tests(SYNAPSE_PYTHON=synapse.python())
    assert "skipped" not in said


def test_its_types_are_strict(installed: Installed) -> None:
    installed.passes_mypy()


def test_it_imports_nothing_of_the_deployer_that_is_not_public() -> None:
    assert installing.beyond_the_public(PACKAGE / "deployer_matrix") == set()
    assert installing.beyond_the_public(PACKAGE / "tests", tests=True) == set()


def test_it_depends_on_what_it_imports() -> None:
    declared = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [each.partition(">=")[0] for each in declared]
    assert installing.undeclared(PACKAGE / "deployer_matrix", *names, own="deployer_matrix") == set()


def test_a_room_is_told_of_deployments_that_go_well_fail_and_recover(
    installed: Installed, homeserver: Any, git: GitServer, tmp_path: Path
) -> None:
    alice, bot = homeserver.person("alice"), homeserver.person("bot")
    room = alice.room(name="Deployments", preset="private_chat")
    alice.invite(bot, room)
    broken = tmp_path / "broken"
    declaration = FLAVOUR.replace("{git}", git.url("acme/hello")).replace("{broken}", str(broken))
    installed.declare("acme", declaration.replace("{homeserver}", homeserver.url).replace("{room}", room))
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "matrix_token").write_text(f"{bot.token}\n")
    environment = {"DEPLOYER_DATA_DIR": str(tmp_path / "data"), "DEPLOYER_SECRETS_DIR": str(tmp_path / "secrets")}
    work = WorkTree(tmp_path / "work", git.url("acme/hello"))

    def deploy(message: str, *, status: int = 0) -> str:
        work.commit(message)
        work.push("HEAD:live")
        return installed.deployer("run_pipeline", "--flavour", "acme", "--once", status=status, **environment)

    deploy("First")
    broken.touch()
    deploy(HOSTILE, status=FAILED)
    broken.unlink()
    deploy("Third")
    first, second, failure, third, recovery = alice.sees(room)
    assert "First" in first["body"]
    assert "It is live." in first["body"]
    assert HOSTILE in second["body"]
    assert escape(HOSTILE) in second["formatted_body"]
    assert "It was not moved." in second["body"]
    assert "was not moved: " in failure["body"]
    assert "It has recovered and is live." in third["body"]
    assert "The move before this one had failed." in recovery["body"]
    # What failed and what recovered was heard; nobody was called by name.
    assert alice.called(room) == (2, 0)
    told = installed.deployer("doctor", **environment)
    assert f"{bot.id} is in {room}" in told
