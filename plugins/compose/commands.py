"""Compose's command lines and what they see of this host. Pure: values that a test can compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: The forms that compose comes in, the newer one first.
FORMS = (("docker", "compose"), ("docker-compose",))
#: The oldest that is known to work, of the second form.
OLDEST = (1, 29)
HOW_TO_INSTALL = (
    "install Docker's compose plugin (`docker compose`, https://docs.docker.com/compose/install/linux/) "
    "or docker-compose 1.29 or newer (`apt-get install docker-compose`)"
)


@dataclass(frozen=True, slots=True)
class Program:
    """A compose that answered.

    :param words: how it is called.
    """

    words: tuple[str, ...]
    version: str

    def __str__(self) -> str:
        return f"{' '.join(self.words)} {self.version}"


def version(form: Sequence[str]) -> list[str]:
    """Ask for its version, in digits and dots."""
    return [*form, "version", "--short"]


def config(program: Program, project: str) -> list[str]:
    """Print the file as compose understands it. It reads the file from its standard input, as the next one does."""
    return [*program.words, "--ansi", "never", "-f", "-", "-p", project, "config"]


def up(program: Program, project: str, *, remove_orphans: bool) -> list[str]:
    """Bring the project to what the file says, and return once the containers are started."""
    words = [*program.words, "--ansi", "never", "-f", "-", "-p", project, "up", "-d", "--no-build", "--no-color"]
    return [*words, "--remove-orphans"] if remove_orphans else words


def environment(path: str, home: Path, engine: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """All that compose sees of the deployer's environment, which is also all that it can put into a file.

    :param home: its home directory and Docker's configuration, in which no credentials are: images are pulled before.
    :param engine: how the engine is reached.
    """
    return {**variables, "PATH": path, "HOME": str(home), "DOCKER_CONFIG": str(home), "LC_ALL": "C.UTF-8", **engine}


def number(text: str) -> tuple[int, ...]:
    """A version as numbers: `v2.24.1-ds1` is (2, 24, 1); nothing where it is none."""
    digits = text.strip().removeprefix("v").partition("-")[0].partition("+")[0].split(".")
    return tuple(int(each) for each in digits) if all(each.isdigit() for each in digits) else ()
