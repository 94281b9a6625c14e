"""What would be run, word by word."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from core.api import BuildRequest, Commit, Purpose
from plugins.host import commands
from plugins.host.commands import Host, Rooms
from plugins.host.options import BuilderOptions, DeployerOptions

HOST = Host(
    bwrap="/usr/bin/bwrap",
    links={"/bin": "usr/bin"},
    readable=["/usr", "/etc/passwd", "/opt/python"],
    hidden=["/opt/python/data"],
)


def test_a_sandboxed_command() -> None:
    words = commands.sandboxed(
        ("make", "all"), host=HOST, rooms=Rooms(Path("/scratch")), env={"PATH": "/usr/bin"}, network=False
    )
    assert " ".join(words) == (
        "/usr/bin/bwrap --unshare-all --die-with-parent --new-session --cap-drop ALL --hostname build "
        "--proc /proc --dev /dev --bind /scratch/tmp /tmp --bind /scratch/home /home/build "
        "--bind /scratch/source /build --ro-bind /usr /usr --ro-bind /etc/passwd /etc/passwd "
        "--ro-bind /opt/python /opt/python --symlink usr/bin /bin --tmpfs /opt/python/data "
        "--remount-ro /opt/python/data --remount-ro / --chdir /build --clearenv --setenv PATH /usr/bin -- make all"
    )


def test_the_network_is_shared_when_asked_for() -> None:
    words = commands.sandboxed(("true",), host=HOST, rooms=Rooms(Path("/scratch")), env={}, network=True)
    assert words[1:3] == ("--unshare-all", "--share-net")


def test_a_memory_limit_is_in_bytes() -> None:
    assert commands.limited(("make",), 512) == ("prlimit", "--data=536870912", "--", "make")
    assert commands.limited(("make",), 0) == ("make",)


def test_the_environment_of_a_build_is_what_is_declared_and_nothing_else(monkeypatch) -> None:
    monkeypatch.setenv("DEPLOYER_SECRET_KEY", "secret")
    request = BuildRequest(
        repository="demo/hello",
        recipe="web",
        platform="linux/amd64",
        commit=Commit(hash="abc", committed_at=datetime(2026, 11, 23, tzinfo=UTC)),
        purpose=Purpose.CHECK,
        trusted=False,
        options=BuilderOptions(command=("make",)),
        args={"VERSION": "2"},
        checkout=None,
    )
    options = BuilderOptions(command=("make",), env={"COLOUR": "blue", "VERSION": "1"})
    assert commands.build_environment(request, options, path="/usr/bin", home="/home/build", tmp="/tmp") == {
        "PATH": "/usr/bin",
        "HOME": "/home/build",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": "/tmp",
        "CI": "true",
        "DEPLOYER_REPOSITORY": "demo/hello",
        "DEPLOYER_RECIPE": "web",
        "DEPLOYER_COMMIT": "abc",
        "DEPLOYER_PLATFORM": "linux/amd64",
        "DEPLOYER_PURPOSE": "check",
        "SOURCE_DATE_EPOCH": "1795392000",
        "COLOUR": "blue",
        "VERSION": "2",
    }


def test_the_port_stands_where_it_was_asked_for_and_other_braces_stay() -> None:
    options = DeployerOptions(
        command=("serve", "--port={port}", "{0.__class__}", "{}"),
        port=8080,
        env={"URL": "http://x:{port}/{id}"},
        health="http://127.0.0.1:{port}/health",
        health_timeout=5,
    )
    way = commands.way_of_running(options, port=9999, path="/usr/bin", home="/srv/home")
    assert way == {
        "command": ["serve", "--port=9999", "{0.__class__}", "{}"],
        "activate": [],
        "env": {
            "PATH": "/usr/bin",
            "HOME": "/srv/home",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PORT": "9999",
            "URL": "http://x:9999/{id}",
        },
        "port": 9999,
        "health": "http://127.0.0.1:9999/health",
        "health_timeout": 5,
        "stop_timeout": 10,
    }


def test_tools_are_found_before_the_system() -> None:
    assert commands.search_path(["/opt/node"]).startswith("/opt/node/bin:/usr/local/sbin:")


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("./serve", "-v"), ("/srv/release/serve", "-v")),
        (("bin/serve",), ("/srv/release/bin/serve",)),
        (("/usr/bin/env",), ("/usr/bin/env",)),
        (("python3", "./serve"), ("python3", "./serve")),
    ],
)
def test_a_program_is_found_where_its_path_says(command, found) -> None:
    assert commands.found_in(Path("/srv/release"), command) == found


@pytest.mark.parametrize(
    ("machine", "platform"),
    [("x86_64", "linux/amd64"), ("aarch64", "linux/arm64"), ("armv7l", "linux/arm/v7"), ("riscv64", "linux/riscv64")],
)
def test_machines_are_known_by_their_platform(machine, platform) -> None:
    assert commands.platform_of(machine) == platform
