"""A swarm that hangs under a test: the engine is started again, and the test is run once more (`tests/again.py`).

SwarmKit, as in Debian's engine 20.10, stops for ever now and then when an update keeps a task that is about to be
restarted: the update holds the lock of all that the swarm knows and waits for the restart, which waits for that lock
(`Updater.useExistingTask` and `Supervisor.DelayStart`; seen in the stacks of an engine that hung). All tests after it
would fail.
"""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.docker_real import RealEngine, cli_program, kill, locked, start_again, wait_for

#: Seconds that a swarm has for a change that takes it some milliseconds.
_PATIENCE = 15.0


class SwarmHungError(Exception):
    """A test failed while the swarm hung, or while its engine was started again for that."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell a test that failed from a swarm that did."""
    engine = getattr(item, "funcargs", {}).get("engine")
    if not isinstance(engine, RealEngine):
        return (yield)
    before = _restarts(engine).read_bytes()
    try:
        return (yield)
    except (Exception, pytest.fail.Exception) as error:
        if _mended(engine) or _restarts(engine).read_bytes() != before:
            raise SwarmHungError("the swarm hung; its engine was started again") from error
        raise


def _restarts(engine: RealEngine) -> Path:
    """A file that grows with each time: several test processes use the engine."""
    path = engine.directory / "restarts"
    path.touch()
    return path


def _mended(engine: RealEngine) -> bool:
    """Start the engine again if its swarm hangs."""
    with locked(engine.directory):
        if not _hangs(engine):
            return False
        with _restarts(engine).open("ab") as restarts:
            restarts.write(b".")
        kill(engine)
        start_again(engine)
        wait_for(lambda: _changes(engine) == 0, "the swarm to take changes again", seconds=120)
        return True


def _hangs(engine: RealEngine) -> bool:
    """Whether it says nothing at all. A refusal is an answer."""
    try:
        _changes(engine)
    except subprocess.TimeoutExpired:
        return True
    return False


def _changes(engine: RealEngine) -> int:
    """Have the swarm write down something that it has already; the status of the command."""
    words = [cli_program(), "--host", engine.url, "swarm", "update", "--task-history-limit", "5"]
    return subprocess.run(words, capture_output=True, timeout=_PATIENCE, check=False).returncode
