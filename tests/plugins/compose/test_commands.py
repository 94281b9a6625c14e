"""What is said to compose, and which compose is chosen."""

from pathlib import Path

import pytest

from core.api import Stalled
from plugins.compose import commands
from plugins.compose.commands import Program
from plugins.compose.programs import Programs
from tests.real import required

V2 = Program(("docker", "compose"), "2.24.1")
V1 = Program(("docker-compose",), "1.29.2")


def test_what_is_run() -> None:
    start = ["--ansi", "never", "-f", "-", "-p", "shop"]
    up = ["up", "-d", "--no-build", "--no-color"]
    assert commands.config(V2, "shop") == ["docker", "compose", *start, "config"]
    assert commands.up(V1, "shop", remove_orphans=False) == ["docker-compose", *start, *up]
    assert commands.up(V2, "shop", remove_orphans=True) == ["docker", "compose", *start, *up, "--remove-orphans"]


def test_nothing_that_is_declared_hides_how_the_engine_is_reached() -> None:
    engine = {"DOCKER_HOST": "unix:///engine"}
    seen = commands.environment("/bin", Path("/home"), engine, {"PATH": "/mine", "DOCKER_HOST": "x", "A": "b"})
    assert seen == {
        "A": "b", "PATH": "/bin", "HOME": "/home", "DOCKER_CONFIG": "/home", "LC_ALL": "C.UTF-8", **engine,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "number"), [("1.29.2", (1, 29, 2)), ("v2.24.1-ds1", (2, 24, 1)), ("2.3+git", (2, 3)), ("unknown", ())]
)
def test_versions_are_read(text: str, number: tuple[int, ...]) -> None:
    assert commands.number(text) == number


class Host:
    """A host with programs of our own on its PATH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {"PATH": str(directory)}
        directory.mkdir()
        (directory / "setpriv").symlink_to(required("setpriv", "util-linux"))

    def has(self, program: str, script: str) -> None:
        path = self.directory / program
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "bin")


async def test_the_newer_form_is_taken_where_both_are(host: Host) -> None:
    host.has("docker", "echo 2.24.1")
    host.has("docker-compose", "echo 1.29.2")
    assert await Programs().find(host.environment) == V2


async def test_the_older_form_is_taken_where_docker_has_no_plugin(host: Host) -> None:
    host.has("docker", "echo \"docker: 'compose' is not a docker command.\" >&2; exit 1")
    host.has("docker-compose", "echo 1.29.2")
    assert await Programs().find(host.environment) == V1


async def test_what_is_missing_is_told_with_what_was_tried(host: Host) -> None:
    host.has("docker-compose", "echo 1.21.0")
    with pytest.raises(Stalled, match=r"install .*; docker-compose is '1\.21\.0', which is too old"):
        await Programs().find(host.environment)


async def test_what_was_found_is_remembered_until_it_fails(host: Host) -> None:
    programs = Programs()
    host.has("docker-compose", "echo 1.29.2")
    assert await programs.find(host.environment) == V1
    host.has("docker", "echo 2.24.1")
    assert await programs.find(host.environment) == V1
    programs.forget()
    assert await programs.find(host.environment) == V2
