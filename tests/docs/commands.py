"""The commands of a page of the documentation, and a checkout to run them in as a newcomer would."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.distributions import copied
from tests.e2e.harness import ROOT

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TIMEOUT = 240


def blocks(page: Path) -> list[str]:
    """The shell commands of a page, a block each."""
    return _BLOCK.findall(page.read_text())


def checkout(directory: Path, *, pip: bool = False) -> Path:
    """A fresh checkout of what is here now, with an environment of its own in which everything that this one has is found.

    :param pip: whether something is to be installed into it; that takes some seconds to make.
    """
    place = copied(ROOT, directory / "deployer")
    words = [sys.executable, "-m", "venv", *([] if pip else ["--without-pip"]), str(place / ".venv")]
    subprocess.run(words, check=True)
    (site,) = (place / ".venv" / "lib").glob("python*/site-packages")
    # An old one comes with Python; the deployer's environment has a newer one, as `make` installs it.
    for old in (*site.glob("setuptools*"), *site.glob("pkg_resources*")):
        shutil.rmtree(old)
    (site / "deployer_tests.pth").write_text(f"{place}\n{sysconfig.get_path('purelib')}\n")
    # `make` would install it all again.
    (place / ".venv" / ".installed").touch()
    return place


def environment() -> dict[str, str]:
    """What a newcomer's terminal has in its environment."""
    ours = ("DEPLOYER_", "DEMO_", "DJANGO_", "PYTEST_", "MAKE", "MFLAGS", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def run(block: str, place: Path, **more: str) -> str:
    """Run a block as somebody would who pastes it into a terminal; what it said.

    :raises AssertionError: one of its commands failed; with what all of them said.
    """
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=place,
        env={**environment(), **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout[-4000:]}"
    return done.stdout


def run_all(commands: Sequence[str], place: Path, **more: str) -> list[str]:
    """Run blocks one after the other; what each said."""
    return [run(each, place, **more) for each in commands]


class Terminal:
    """A terminal that stays open: the directory, exported variables and aliases of a block are there for the next.

    :param directory: where it is opened.
    :param state: a file to keep all of that in.
    """

    def __init__(self, directory: Path, state: Path, **more: str) -> None:
        self._directory, self._state, self._more = directory, state, more
        state.touch()

    def run(self, block: str) -> str:
        """Run a block; what it said.

        :raises AssertionError: one of its commands failed; with what all of them said.
        """
        kept = 'echo "cd $(printf %q "$PWD")"; export -p; alias -p'
        text = f"{self._begun(block)}\n{{ {kept}; }} > {shlex.quote(str(self._state))}\n"
        return run(text, self._directory, **self._more)

    def stay(self, block: str, output: Path) -> Foreground:
        """Begin a command that stays; what it says goes to a file."""
        return Foreground(self._begun(block), self._directory, output, **self._more)

    def _begun(self, block: str) -> str:
        return f"shopt -s expand_aliases\n. {shlex.quote(str(self._state))}\n{block}"


class Foreground:
    """A command that stays in a terminal until Ctrl-C is pressed there."""

    def __init__(self, block: str, directory: Path, output: Path, **more: str) -> None:
        self._output = output
        with output.open("wb") as file:
            self._process = subprocess.Popen(
                ["bash", "-c", block],
                cwd=directory,
                env={**environment(), **more},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        """All that it has said so far."""
        return self._output.read_text(errors="replace")

    def until(self, what: Callable[[], bool], seconds: float = 180) -> None:
        """Wait until something is true.

        :raises AssertionError: it ends, or does not come true; with what it said.
        """
        end = time.monotonic() + seconds
        while not what():
            assert self._process.poll() is None, self.said
            assert time.monotonic() < end, self.said
            time.sleep(0.1)

    def interrupt(self) -> str:
        """Press Ctrl-C, which everybody in the terminal hears, and wait until it has ended; all that it said."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
            self._process.wait(60)
        return self.said
