"""An example installed beside the deployer, both from their wheels, in an environment where this checkout is not found.

Nothing is downloaded: what both depend on is found where this Python has it.
"""

from __future__ import annotations

import ast
import fcntl
import importlib.util
import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import ModuleType

import pytest

from tests.distributions import brings, copied
from tests.e2e.harness import ROOT

_TIMEOUT = 240
#: All of the deployer that a package may import: the second for its tests.
PUBLIC, PUBLIC_FOR_TESTS = "core.api", "core.testing"


@dataclass(frozen=True)
class Installed:
    """Where an example was installed.

    :ivar environment: the directory of the environment.
    :ivar package: a copy of the example's own directory: its tests are here, its code too.
    """

    environment: Path
    package: Path

    def python(
        self, *words: str, cwd: Path | None = None, timeout: float = _TIMEOUT, status: int = 0, **environment: str
    ) -> str:
        """Run its Python, as from a shell that knows nothing of this checkout; what it said.

        :param cwd: where; by default in `package`.
        :raises AssertionError: it exited with another status; with what it said.
        """
        done = subprocess.run(
            [str(self.environment / "bin" / "python"), *words],
            cwd=cwd or self.package,
            env=variables(**environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode == status, f"{done.returncode}: {' '.join(words)}\n{done.stdout[-6000:]}"
        return done.stdout

    def deployer(
        self, *words: str, cwd: Path | None = None, timeout: float = _TIMEOUT, status: int = 0, **environment: str
    ) -> str:
        """Run the command `deployer` (`manage.py` of a checkout); see `python`."""
        command = str(self.environment / "bin" / "deployer")
        return self.python(command, *words, cwd=cwd, timeout=timeout, status=status, **environment)

    def declare(self, name: str, declaration: str) -> None:
        """Have a flavour found there, as one of another package.

        :param declaration: the Python text of its file, in which `flavour` is one.
        """
        (site,) = (self.environment / "lib").glob("python*/site-packages")
        (site / f"{name}_flavour.py").write_text(declaration)
        brings(site, name, flavours={name: f"{name}_flavour:flavour"})

    def passes_its_tests(self, *words: str, **environment: str) -> str:
        """Run the tests that the package has; what pytest said.

        :raises AssertionError: one failed, or nothing was tested.
        """
        said = self.python("-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *words, **environment)
        assert re.search(r"\b\d+ passed", said), said
        return said

    def passes_mypy(self) -> None:
        """Check its types strictly, tests and all.

        :raises AssertionError: with what is wrong.
        """
        self.python("-m", "mypy", "--strict", "--cache-dir", str(self.environment / "mypy"), ".")


def once(name: str, factory: pytest.TempPathFactory) -> Installed:
    """Install an example for all test processes of this run: whoever comes first does it, and the others wait."""
    base = factory.getbasetemp()
    # Each of several processes has a directory below the one that they share.
    directory = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / f"example-{name}"
    directory.mkdir(exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (directory / "installed").exists():
            install(name, directory)
            (directory / "installed").touch()
    return Installed(directory / "environment", directory / name)


def variables(**more: str) -> Mapping[str, str]:
    """This process's variables without those that lead to this checkout, or that tests are told by."""
    dropped = ("DEPLOYER_", "DJANGO_", "PYTEST_", "PYTHONPATH")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(dropped)}, **more}


def install(name: str, directory: Path) -> Installed:
    """Install the example `examples/<name>` and the deployer into a new environment below a directory."""
    trees = [copied(ROOT, directory / "built" / "deployer"), copied(_example(name), directory / "built" / name)]
    pip, options = [sys.executable, "-m", "pip"], ["--quiet", "--no-deps", "--disable-pip-version-check"]
    building = ["wheel", *options, "--no-build-isolation", "--wheel-dir", str(directory / "wheels")]
    _run([*pip, *building, *map(str, trees)])
    environment = directory / "environment"
    _run([sys.executable, "-m", "venv", "--without-pip", str(environment)])
    wheels = [str(path) for path in (directory / "wheels").glob("*.whl")]
    _run([*pip, "--python", str(environment / "bin" / "python"), "install", *options, "--no-index", *wheels])
    # The directory is searched; the files in it that would lead on to this checkout are not read from there.
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return Installed(environment, copied(_example(name), directory / name))


def module(path: Path) -> ModuleType:
    """A module of an example, which is not found here by its name: what its own tests use serves ours."""
    found = importlib.util.spec_from_file_location(f"tests.examples.of_{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    loaded = importlib.util.module_from_spec(found)
    # Where a dataclass looks for the names in its annotations.
    sys.modules[found.name] = loaded
    found.loader.exec_module(loaded)
    return loaded


def imported(directory: Path) -> set[str]:
    """What the modules below a directory import, by full names; relative imports are left out."""
    return {name for path in directory.rglob("*.py") for name in _imports(ast.parse(path.read_text()))}


def beyond_the_public(directory: Path, *, tests: bool = False) -> set[str]:
    """What the modules below a directory import of the deployer that is not public. `tests`: they are tests."""
    public = (PUBLIC, PUBLIC_FOR_TESTS) if tests else (PUBLIC,)
    return {
        name
        for name in imported(directory)
        if name.partition(".")[0] in _of_the_deployer()
        and not any(name == each or name.startswith(f"{each}.") for each in public)
    }


def undeclared(directory: Path, *declared: str, own: str) -> set[str]:
    """The packages that modules below a directory import and that are no dependency of theirs.

    :param declared: names of distributions, as in `dependencies`.
    :param own: the package itself.
    """
    found = {each.metadata["Name"].lower(): _modules(each) for each in distributions()}
    known = {module for name in declared for module in found[name.lower()]}
    known |= {own, "core", *sys.stdlib_module_names}
    return {name.partition(".")[0] for name in imported(directory)} - known


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # `from core import api` imports core.api.
            yield from (f"{node.module}.{each.name}" for each in node.names)


def _of_the_deployer() -> set[str]:
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}


def _modules(distribution: Distribution) -> set[str]:
    return {path.parts[0].removesuffix(".py") for path in distribution.files or () if path.suffix in (".py", ".so")}


def _example(name: str) -> Path:
    return ROOT / "examples" / name


def _run(command: list[str]) -> None:
    done = subprocess.run(
        command,
        env=variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=_TIMEOUT,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}"
