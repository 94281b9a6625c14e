"""Modules stay small, and each says what it is for."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 500
MODULES = sorted(
    path.relative_to(ROOT)
    for package in ("core", "containers", "gitmirror", "ocluster", "unikernels", "plugins", "deployer_site", "flavours")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
WITH_CODE = [path for path in MODULES if (ROOT / path).stat().st_size]


def source(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_module_is_too_long_to_be_read(path: Path) -> None:
    assert len(source(path).splitlines()) <= LIMIT


@pytest.mark.parametrize("path", WITH_CODE, ids=str)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(source(path)))
    assert text
    sentence, *_ = text.split("\n\n")
    assert sentence.endswith((".", ":"))


def test_only_packages_are_empty() -> None:
    assert {path.name for path in set(MODULES) - set(WITH_CODE)} <= {"__init__.py"}


def test_what_decides_goes_by_the_clock_that_all_hosts_agree_on() -> None:
    """`core/clock.py`. The others tell how far this host's own is off, or ask where no database may answer."""
    rooms = (ROOT / "core").rglob("*.py")
    own = {str(path.relative_to(ROOT / "core")) for path in rooms if "timezone.now()" in path.read_text()}
    assert own == {
        "clock.py",
        "management/commands/doctor.py",
        "services/processes.py",
        "setting_checks.py",
        "web/login.py",
    }


def test_who_locks_a_row_keeps_nobody_from_referring_to_it() -> None:
    """On PostgreSQL a row that refers to another locks it against a change of its key: two who did both were a deadlock."""
    for path in (ROOT / "core").rglob("*.py"):
        text = path.read_text()
        assert text.count("select_for_update(") == text.count("select_for_update(no_key=True"), path
