"""How a service of a swarm is moved."""

from __future__ import annotations

import re

from pydantic import Field, field_validator

from core.api import Options

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class DeployerOptions(Options):
    """A service that a swarm runs already. How it is updated is the service's own matter: its update policy."""

    service: str = Field("", description="Its name in the swarm; the declared service's name if empty.")
    timeout: int = Field(900, ge=10, le=1700, description="Seconds that a move may take before it is rolled back.")
    schedule_timeout: int = Field(
        30, ge=1, description="Seconds that a task may wait for a node before the move is rolled back."
    )
    rollback: bool = Field(
        True, description="Roll a failed update back where the service's own policy only pauses it or goes on."
    )
    pull: bool = Field(True, description="Pull the image on the host before the service is touched.")

    @field_validator("service")
    @classmethod
    def _word(cls, value: str) -> str:
        if value and not _NAME.fullmatch(value):
            raise ValueError("it is a service's name: letters, digits, `_`, `.` and `-`")
        return value
