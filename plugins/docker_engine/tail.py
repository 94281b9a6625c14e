"""A log that remembers its end."""

from __future__ import annotations

from core.api import Log

_KEPT = 4000


class Tail:
    """A log that hands everything on and remembers the end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._kept = b""

    def write(self, data: bytes) -> None:
        self._log.write(data)
        self._kept = (self._kept + data)[-_KEPT:]

    def note(self, text: str) -> None:
        self._log.note(text)

    def redact(self, secret: str) -> None:
        self._log.redact(secret)

    @property
    def last_line(self) -> str:
        """The last line of output that says something."""
        lines = [line.strip() for line in self._kept.decode(errors="replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")
