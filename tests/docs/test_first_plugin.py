"""The tutorial of the first plugin works word for word."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import commands
from tests.e2e.harness import ROOT, free_port

PAGE = ROOT / "docs" / "tutorial" / "first-plugin.md"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A newcomer's checkout; whoever listens there is ended."""
    place = commands.checkout(tmp_path, pip=True)
    yield place
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == place and "http.server" not in (process / "cmdline").read_text():
                os.kill(int(process.name), signal.SIGTERM)


def test_it_works_word_for_word(place: Path) -> None:
    port = str(free_port())
    # Tests run beside each other: none may have a port to itself.
    blocks = [block.replace("9000", port) for block in commands.blocks(PAGE)]
    begun, kept, declared, repository, told, changed = blocks
    assert "shout" in commands.run(begun, place)
    assert " passed" in commands.run(kept, place)
    commands.run_all([declared, repository], place)
    heard = commands.run(told, place).splitlines()[-1]
    assert json.loads(heard)["state"] == "succeeded"
    assert "hello" in json.loads(heard)["text"]
    heard = commands.run(changed, place).splitlines()[-1]
    assert "HELLO" in json.loads(heard)["text"]
    with pytest.raises(AssertionError, match="failed"):
        commands.run(kept, place)
