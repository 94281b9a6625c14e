"""What would be run, and in which environment: command lines as values. Nothing here runs anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from core.api import BuildRequest
from plugins.host.options import PORT, BuilderOptions, DeployerOptions

#: Where the sandbox shows the checkout and the home directory: always the same, so that paths in what is built are too.
SOURCE, HOME, TMP = "/build", "/home/build", "/tmp"  # noqa: S108  a path inside the sandbox
SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")

_MACHINES = {
    "x86_64": "amd64", "amd64": "amd64", "i386": "386", "i686": "386", "aarch64": "arm64", "arm64": "arm64",
    "armv7l": "arm/v7", "armv6l": "arm/v6",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What a sandboxed command sees of this host.

    :param bwrap: the full path of bubblewrap.
    :param links: links at the root (`/bin`) and what they point to (`usr/bin`).
    :param readable: directories and files, shown read-only.
    :param hidden: directories that are empty in the sandbox though they lie in a readable one.
    """

    bwrap: str
    links: Mapping[str, str]
    readable: Sequence[str]
    hidden: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Rooms:
    """The three directories of a build, all in its scratch directory."""

    scratch: Path

    @property
    def source(self) -> Path:
        return self.scratch / "source"

    @property
    def home(self) -> Path:
        return self.scratch / "home"

    @property
    def tmp(self) -> Path:
        return self.scratch / "tmp"


def platform_of(machine: str) -> str:
    """The OCI platform of a machine as `platform.machine()` names it."""
    return f"linux/{_MACHINES.get(machine, machine)}"


def sandboxed(
    command: Sequence[str], *, host: Host, rooms: Rooms, env: Mapping[str, str], network: bool
) -> tuple[str, ...]:
    """A command in bubblewrap: it may write its three rooms and nothing else, and sees no process but its own.

    The variables are set inside. Bubblewrap itself has to be given a clean environment too: the command can read it in
    /proc/1/environ.
    """
    return (
        host.bwrap, "--unshare-all", *(["--share-net"] if network else []),
        "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "build",
        "--proc", "/proc", "--dev", "/dev",
        "--bind", str(rooms.tmp), TMP, "--bind", str(rooms.home), HOME, "--bind", str(rooms.source), SOURCE,
        *_each("--ro-bind", ((path, path) for path in host.readable)),
        *_each("--symlink", ((to, path) for path, to in host.links.items())),
        *_each("--tmpfs", ((path,) for path in host.hidden)),
        *_each("--remount-ro", ((path,) for path in (*host.hidden, "/"))),
        "--chdir", SOURCE, "--clearenv", *_each("--setenv", env.items()), "--", *command,
    )  # fmt: skip


def _each(option: str, values: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for words in values:
        yield from (option, *words)


def limited(command: Sequence[str], memory: int) -> tuple[str, ...]:
    """A command whose processes may each have so many MiB of data; 0 for any.

    RLIMIT_DATA counts memory that can be written, and not what Go, Java or Node only set aside (setrlimit(2)).
    """
    return ("prlimit", f"--data={memory << 20}", "--", *command) if memory else tuple(command)


def build_environment(
    request: BuildRequest, options: BuilderOptions, *, path: str, home: str, tmp: str
) -> dict[str, str]:
    """The whole environment of a build: nothing of the deployer's own is in it."""
    commit = request.commit
    epoch = {"SOURCE_DATE_EPOCH": str(int(commit.committed_at.timestamp()))} if commit.committed_at else {}
    return {
        **_common(path, home),
        "TMPDIR": tmp,
        "CI": "true",
        # Compiled files would hold the time of the checkout, and the same commit would never give the same artifact.
        "PYTHONDONTWRITEBYTECODE": "1",
        "DEPLOYER_REPOSITORY": request.repository,
        "DEPLOYER_RECIPE": request.recipe,
        "DEPLOYER_COMMIT": commit.hash,
        "DEPLOYER_PLATFORM": request.platform,
        "DEPLOYER_PURPOSE": str(request.purpose),
        **epoch,
        **options.env,
        **request.args,
    }


def way_of_running(options: DeployerOptions, *, port: int | None, path: str, home: str) -> dict[str, Any]:
    """How a release is run with this port: all that a supervisor, or a health check, needs to know, for JSON.

    The environment is the whole one: nothing of the deployer's own is in it.
    """
    given = {name: with_port(text, port) for name, text in options.env.items()}
    return {
        "command": [with_port(word, port) for word in options.command],
        "activate": [with_port(word, port) for word in options.activate],
        "env": {**_common(path, home), **({"PORT": str(port)} if port else {}), **given},
        "port": port,
        "health": with_port(options.health, port),
        "health_timeout": options.health_timeout,
        "stop_timeout": options.stop_timeout,
    }


def _common(path: str, home: str) -> dict[str, str]:
    # What is printed shows at once, and is not lost when the process is killed.
    return {"PATH": path, "HOME": home, "LANG": "C.UTF-8", "PYTHONUNBUFFERED": "1"}


def with_port(text: str, port: int | None) -> str:
    """Put the port where `{port}` stands. Other braces mean nothing."""
    return text.replace(PORT, str(port)) if port else text


def search_path(tools: Sequence[str]) -> str:
    """The PATH that finds the programs of these directories before those of the system."""
    return ":".join([*(str(PurePosixPath(tool) / "bin") for tool in tools), *SYSTEM_PATH])


def found_in(directory: Path, command: Sequence[str]) -> tuple[str, ...]:
    """A command whose program, when it is given by a relative path (`./serve`), is the one in this directory."""
    program, *arguments = command
    return (str(directory / program) if "/" in program else program, *arguments)
