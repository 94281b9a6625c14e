"""Where an operation works in a test."""

from __future__ import annotations

from pathlib import Path

from core.operation_values import Context
from core.testing.logs import RecordingLog


def attempt_context(tmp_path: Path, log: RecordingLog | None = None) -> Context:
    """A context with a log in memory, a new scratch directory, and a data directory that stays through one test."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    number = sum(1 for _ in tmp_path.glob("scratch-*"))
    scratch = tmp_path / f"scratch-{number}"
    scratch.mkdir()
    return Context(log=log or RecordingLog(), scratch=scratch, data=data)
