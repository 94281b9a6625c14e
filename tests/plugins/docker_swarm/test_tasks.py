"""What a task says of itself."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.docker_swarm.tasks import Task, parse


def task(state: str, exit_code: int | None) -> Task:
    container: dict[str, Any] = {"ContainerID": "c", **({} if exit_code is None else {"ExitCode": exit_code})}
    row = {"ID": "x" * 25, "Slot": 2, "Status": {"State": state, "ContainerStatus": container}}
    return parse(row, "web", {})


@pytest.mark.parametrize(
    ("state", "exit_code", "badly"),
    [
        ("shutdown", 7, True),
        ("complete", 1, True),
        ("shutdown", 0, False),
        ("shutdown", 143, False),
        ("shutdown", 137, False),
        ("shutdown", None, False),
        ("running", 0, False),
    ],
)
def test_a_task_that_failed_before_it_was_told_to_end_shows_its_exit_code(
    state: str, exit_code: int | None, badly: bool
) -> None:
    found = task(state, exit_code)
    assert found.ended_badly is badly
    assert ("exit code" in found.told) is badly
