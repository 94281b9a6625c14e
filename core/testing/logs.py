"""A job's log in memory, which redacts like the real one."""

from __future__ import annotations

from collections.abc import Callable

from core.logs.redact import Redactor


class RecordingLog:
    """Keeps what is written (`core.values.Log`). A secret that is written before it was told of shows, as it would.

    :param noted: called with each line of the deployer's own, once it is kept: a place to act in the middle of an
        operation.
    """

    def __init__(self, noted: Callable[[str], None] = lambda _: None) -> None:
        self._redactor = Redactor()
        self._kept = bytearray()
        self._noted = noted
        self.notes: list[str] = []

    def write(self, data: bytes) -> None:
        self._kept += self._redactor.feed(data)

    def note(self, text: str) -> None:
        line = self._redactor.hide(text.encode(errors="replace")).decode(errors="replace")
        self._kept += self._redactor.flush() + line.encode() + b"\n"
        self.notes.append(line)
        self._noted(line)

    def redact(self, secret: str) -> None:
        self._redactor.add(secret)

    @property
    def text(self) -> str:
        """Everything so far, as a reader sees it."""
        self._kept += self._redactor.flush()
        return self._kept.decode(errors="replace")
