"""What the worker does with a job, as a test sets it."""

from __future__ import annotations

import base64
import dataclasses
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Writes numbered lines, then whatever else there is, and ends. The defaults succeed at once.

    :param lines: how many; each is its number and letters, `width` bytes with its end.
    :param pace: lines a second; 0 writes them as fast as it can.
    :param stamped: lines begin with the nanoseconds of the monotonic clock at which they were written.
    :param log: bytes that are written after the lines; they need not be UTF-8.
    :param hangs: goes on, after all that, until it is told to finish or cancelled.
    :param fail: the text that the job's log ends with; it fails then with `Build failed`, as upstream's do.
    :param reason: fails with this exception instead; it need not be UTF-8.
    :param output: what it answers; None is what upstream's worker would, after it has pushed what it was asked to push.
    :param layer: the pushed image's one layer, a tar archive; without it, a file that names what was built.
    :param command: the pushed image's.
    :param lost_at: the worker is lost when so many lines are written.
    :param reset_at: the client's connection is reset when so many lines are written.
    :param mute: `Ticket.job` is never answered.
    """

    lines: int = 3
    width: int = 80
    pace: float = 0.0
    stamped: bool = False
    log: bytes = b""
    hangs: bool = False
    fail: str = ""
    reason: bytes = b""
    output: str | None = None
    layer: bytes = b""
    command: tuple[str, ...] = ()
    lost_at: int | None = None
    reset_at: int | None = None
    mute: bool = False

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            field.name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
            for field in dataclasses.fields(self)
            for value in (getattr(self, field.name),)
        }

    @classmethod
    def of(cls, told: dict[str, Any]) -> Self:
        """From JSON."""
        decoded = {key: base64.b64decode(told[key]) for key in ("log", "reason", "layer")}
        return cls(**told | decoded | {"command": tuple(told["command"])})


@dataclass(frozen=True, slots=True)
class Rule:
    """Which jobs a script is for; an empty string is for any. The latest that fits is taken."""

    pool: str
    repository: str
    script: Script

    def fits(self, pool: str, repository: str) -> bool:
        return self.pool in ("", pool) and self.repository in ("", repository)
