"""`make docs` builds the pages, and refuses what a reader would stumble over."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.harness import ROOT


def build(place: Path) -> subprocess.CompletedProcess[str]:
    """Build the documentation of a copy, with the words of the Makefile."""
    recipe = re.search(r"^docs:.*\n\t\$\(BIN\)/mkdocs (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    words = [sys.executable, "-m", "mkdocs", *recipe[1].split()]
    return subprocess.run(words, cwd=place, capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    return tmp_path


def test_it_builds_every_page(place: Path) -> None:
    done = build(place)
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(place / "docs").with_suffix(".html") for path in (place / "docs").rglob("*.md")}
    assert pages <= {path.relative_to(place / "site") for path in (place / "site").rglob("*.html")}


@pytest.mark.parametrize(
    "link", ["[x](nowhere.md)", "[x](services.md#nowhere)", "[x](#nowhere)", "![x](images/nowhere.png)"]
)
def test_a_link_that_leads_nowhere_ends_it(place: Path, link: str) -> None:
    with (place / "docs" / "architecture.md").open("a") as page:
        page.write(f"\n{link}\n")
    done = build(place)
    assert done.returncode == 1
    assert "nowhere" in done.stderr


def test_a_page_that_the_contents_do_not_lead_to_ends_it(place: Path) -> None:
    (place / "docs" / "how-to" / "forgotten.md").write_text("# Forgotten\n")
    done = build(place)
    assert done.returncode == 1
    assert "forgotten.md" in done.stderr
